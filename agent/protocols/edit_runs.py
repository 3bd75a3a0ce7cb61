"""All runs of a task of edits, each a campaign kept in the ledger of a home, side by side in processes.

Knows the task and how campaigns are wired. Must not know terminals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, as_completed
from pathlib import Path

from .. import assemble
from ..campaign_file import PlannerName
from ..chat_model.settings import ChatModelSettings
from .edit_figures import EditRun
from .edit_task import WITHHELD, EditTask, starts
from .one_by_one import one_by_one

Key = tuple[PlannerName, str, int]
"""Planner, start and seed."""


def run(task: EditTask, key: Key, chat_model: ChatModelSettings | None, home: Path) -> EditRun:
    """Do one run, or what is left of it."""
    planner, start, seed = key
    ledger = assemble.open_home(home)
    file = task.campaign(start, planner, seed, chat_model)
    campaign = assemble.wire(file, ledger, withheld=WITHHELD)
    state = one_by_one(campaign, [starts()[start]], task.answer, task.is_met)
    return EditRun.of(task, start, seed, state)


def run_all(
    task: EditTask,
    keys: Sequence[Key],
    chat_model: ChatModelSettings | None,
    home: Path,
    executor: Executor,
    told: Callable[[int], object],
) -> dict[PlannerName, list[EditRun]]:
    """Do all runs; the results by planner, in the order of the keys.

    Args:
        executor: Where they are done.
        told: Is told how many are done.
    """
    futures = {executor.submit(run, task, key, chat_model, home): key for key in keys}
    done: dict[Key, EditRun] = {}
    for future in as_completed(futures):
        done[futures[future]] = future.result()
        told(len(done))
    found: dict[PlannerName, list[EditRun]] = {}
    for key in keys:
        found.setdefault(key[0], []).append(done[key])
    return found
