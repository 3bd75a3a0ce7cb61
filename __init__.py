"""Athanor: an autonomous closed loop for discovering materials."""
