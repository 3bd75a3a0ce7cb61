"""Physics-informed solving: fields that obey an equation and fit data, and parameters inferred from them."""
