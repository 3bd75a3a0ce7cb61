"""The error family: one root, four kinds.

AthanorError
├── RetryError      a tool was asked something it can refuse; the asker may ask again differently
├── TerminalError   this piece of work failed for good; the loop records it and goes on
├── UserError       a person's file, flag or environment is wrong; they can mend it
└── BudgetError     what was asked for would overrun a budget

Knows no other module of the project.
"""


class AthanorError(Exception):
    """Root of every error that this package raises on purpose."""


class RetryError(AthanorError):
    """A request that was refused, with what would be allowed instead."""


class TerminalError(AthanorError):
    """A piece of work that failed and must not be tried again as it is."""


class UserError(AthanorError):
    """A mistake in something a person wrote: names the place, the value and what is allowed."""


class BudgetError(AthanorError):
    """A request that would overrun a budget."""
