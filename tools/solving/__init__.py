"""Problems of physics as records with units, what is registered, and their answers."""
