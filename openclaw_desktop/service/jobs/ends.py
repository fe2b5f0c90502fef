"""Both ends of the commands about jobs: in the agent's process, and over its socket.

Owns the way of each command to where it is done. Must not know how. Loop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from openclaw_desktop.service.jobs.views import BuiltInView, JobsStatus, JobView, NewJob, RunView
from openclaw_desktop.service.wire import encode

if TYPE_CHECKING:  # a front end that attaches has no use for it
    from openclaw_desktop.service.jobs.desk import JobsDesk

T = TypeVar("T")

JOB_COMMANDS = (
    "add_job", "list_jobs", "show_job", "run_job", "pause_job", "resume_job", "remove_job", "job_runs",
    "list_built_in_jobs", "enable_job", "disable_job", "jobs_status",
)  # fmt: skip


class LocalJobs(ABC):
    """`JobCommands` of the agent's own process."""

    @property
    @abstractmethod
    def jobs_desk(self) -> JobsDesk:
        """Who does them."""

    async def add_job(self, job: NewJob) -> JobView:
        """Keep a job."""
        return await self.jobs_desk.add(job)

    async def list_jobs(self) -> tuple[JobView, ...]:
        """List the jobs."""
        return await self.jobs_desk.list()

    async def show_job(self, job: str) -> JobView:
        """Return one with its runs."""
        return await self.jobs_desk.show(job)

    async def run_job(self, job: str) -> RunView:
        """Run one now."""
        return await self.jobs_desk.run(job)

    async def pause_job(self, job: str) -> JobView:
        """Let one rest."""
        return await self.jobs_desk.pause(job)

    async def resume_job(self, job: str) -> JobView:
        """Go on with one."""
        return await self.jobs_desk.resume(job)

    async def remove_job(self, job: str) -> str:
        """Remove one."""
        return await self.jobs_desk.remove(job)

    async def job_runs(self, job: str = "", limit: int = 50) -> tuple[RunView, ...]:
        """Return runs."""
        return await self.jobs_desk.runs(job, limit)

    async def list_built_in_jobs(self) -> tuple[BuiltInView, ...]:
        """List the jobs that we bring."""
        return await self.jobs_desk.built_in()

    async def enable_job(self, name: str, when: str = "", checklist: str = "") -> JobView:
        """Switch one on."""
        return await self.jobs_desk.enable(name, when, checklist)

    async def disable_job(self, name: str) -> JobView:
        """Switch one off."""
        return await self.jobs_desk.disable(name)

    async def jobs_status(self) -> JobsStatus:
        """Say how jobs stand."""
        return await self.jobs_desk.status()


class _Calls(Protocol):
    async def _call(self, method: str, kind: type[T], **params: Any) -> T: ...


class RemoteJobs:
    """`JobCommands` at the other end of a socket."""

    async def add_job(self: _Calls, job: NewJob) -> JobView:
        """Keep a job."""
        return await self._call("add_job", JobView, job=encode(job))

    async def list_jobs(self: _Calls) -> tuple[JobView, ...]:
        """List the jobs."""
        return await self._call("list_jobs", tuple[JobView, ...])

    async def show_job(self: _Calls, job: str) -> JobView:
        """Return one with its runs."""
        return await self._call("show_job", JobView, job=job)

    async def run_job(self: _Calls, job: str) -> RunView:
        """Run one now."""
        return await self._call("run_job", RunView, job=job)

    async def pause_job(self: _Calls, job: str) -> JobView:
        """Let one rest."""
        return await self._call("pause_job", JobView, job=job)

    async def resume_job(self: _Calls, job: str) -> JobView:
        """Go on with one."""
        return await self._call("resume_job", JobView, job=job)

    async def remove_job(self: _Calls, job: str) -> str:
        """Remove one."""
        return await self._call("remove_job", str, job=job)

    async def job_runs(self: _Calls, job: str = "", limit: int = 50) -> tuple[RunView, ...]:
        """Return runs."""
        return await self._call("job_runs", tuple[RunView, ...], job=job, limit=limit)

    async def list_built_in_jobs(self: _Calls) -> tuple[BuiltInView, ...]:
        """List the jobs that we bring."""
        return await self._call("list_built_in_jobs", tuple[BuiltInView, ...])

    async def enable_job(self: _Calls, name: str, when: str = "", checklist: str = "") -> JobView:
        """Switch one on."""
        return await self._call("enable_job", JobView, name=name, when=when, checklist=checklist)

    async def disable_job(self: _Calls, name: str) -> JobView:
        """Switch one off."""
        return await self._call("disable_job", JobView, name=name)

    async def jobs_status(self: _Calls) -> JobsStatus:
        """Say how jobs stand."""
        return await self._call("jobs_status", JobsStatus)
