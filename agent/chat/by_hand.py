"""A campaign whose trials people evaluate, in a chat: what to try next, and what came of it.

Knows a session and the campaign's verbs for people. Must not know chat models or terminals.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...memory.errors import UserError
from .. import assemble
from ..answers_told import Beside, answer_told
from .live_lines import news

if TYPE_CHECKING:
    from ..campaign import Campaign
    from ..campaign_file import CampaignFile
    from .session import Session


def is_by_hand(file: CampaignFile) -> bool:
    """Whether people evaluate."""
    return file.oracle.kind == "manual"


def suggest(session: Session, given: str) -> str:
    """Propose trials, a batch of them or as many as are asked for; what is new.

    Raises:
        UserError: People do not evaluate this campaign, or nothing more may be suggested.
    """
    if given and not given.isdecimal():
        raise UserError("/suggest N: how many? Without a number, a batch")
    campaign = _campaign(session)
    return _done(session, campaign, lambda *who: campaign.suggest(int(given or campaign.file.batch), *who))


def observe(session: Session, given: str) -> str:
    """Take in what came of a trial, or of a setting of the person's own; what is new.

    Raises:
        UserError: People do not evaluate this campaign, or what is told does not fit it.
    """
    campaign = _campaign(session)
    try:
        words = shlex.split(given)
    except ValueError as error:
        raise UserError(f"/observe N PROPERTY=VALUE: {error}") from error
    kind = next((word.removeprefix("failed=") for word in words if word.startswith("failed=")), None)
    traces = tuple(word.removeprefix("trace=") for word in words if word.startswith("trace="))
    told = [word for word in words if not word.startswith(("failed=", "trace="))]
    answer = answer_told(told, Beside(failed=kind, traces=traces), campaign.file, session.author)
    return _done(session, campaign, lambda *who: campaign.observe([answer], *who))


def how_to_tell(file: CampaignFile) -> str:
    """How results are told in a chat."""
    name = file.goal.objectives[0].property
    return (
        f"Tell what came of each: /observe N {name}=VALUE±DEVIATION (or failed=infeasible, trace=FILE); "
        "/suggest gives more."
    )


def _campaign(session: Session) -> Campaign:
    session.state()  # which says what to do where none is chosen
    campaign = assemble.resumed_campaign(session.campaign, session.ledger)
    if not is_by_hand(campaign.file):
        raise UserError(
            f"campaign {session.campaign} is evaluated by {campaign.file.oracle.kind}; /resume goes on with it"
        )
    return campaign


def _done(session: Session, campaign: Campaign, act: Callable[..., object]) -> str:
    before = session.state()
    act(assemble.holder(), assemble.versions())
    return "\n".join(news(before, campaign.state)) or "Nothing is new."
