"""The verbs of `openclaw-agent`: thin clients of the service.

Owns the way from a verb to a call of the API, and from an error to an exit code. Must not know how anything is done.
The runtime is loaded where no agent runs, and not before.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

from openclaw_desktop.cli import backups, health, memory, output, tools, walls
from openclaw_desktop.cli.consolidation import consolidate
from openclaw_desktop.cli.conversation import ask_request, chat, run_turn
from openclaw_desktop.cli.encryption import (
    decrypt_memory,
    encrypt_memory,
    read_recovery_code,
    recover_memory,
    rekey_memory,
)
from openclaw_desktop.cli.feedback import feedback
from openclaw_desktop.cli.fit import describe_fit
from openclaw_desktop.cli.ledger import describe_usage, show_ledger
from openclaw_desktop.cli.logs import log_to_stderr, write_crash
from openclaw_desktop.cli.onboarding import onboard
from openclaw_desktop.cli.parser import build_parser
from openclaw_desktop.cli.progress import pull_with_progress
from openclaw_desktop.cli.secrets import list_secrets, remove_secret, set_secret, unlock_secrets, with_passphrase
from openclaw_desktop.cli.terminal import is_real_terminal
from openclaw_desktop.core.errors import ExitCode, Failure, UserError
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.service.api import AgentService
from openclaw_desktop.service.remote import RemoteService
from openclaw_desktop.service.status_views import Finding
from openclaw_desktop.system.paths import Home, find_home, prepare

Verb = Callable[[AgentService, argparse.Namespace], Awaitable[int]]


def run_command(words: list[str]) -> int:
    """Run one verb and return its exit code; whatever goes wrong is a sentence."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    arguments = build_parser().parse_args(words)
    os.umask(0o077)  # what we write is the user's alone
    log_to_stderr(logging.ERROR if arguments.verb != "serve" else logging.INFO, os.environ)
    logging.getLogger("openclaw_desktop").setLevel(logging.INFO if arguments.verb == "serve" else logging.CRITICAL)
    home: Home | None = None
    try:
        if arguments.verb == "task" and arguments.action == "next":
            from openclaw_desktop.cli.schedule import show_next

            return show_next(arguments)  # needs neither agent nor home
        if arguments.verb == "sandbox":
            from openclaw_desktop.cli import sandbox

            return sandbox.check(arguments) if arguments.action == "check" else sandbox.execute(arguments)
        if arguments.verb == "skill":
            from openclaw_desktop.cli import skills

            return skills.run(arguments)
        home = find_home(arguments.home, os.environ)
        if arguments.verb == "serve":
            from openclaw_desktop.cli.serve import serve

            return asyncio.run(serve(home))
        if arguments.verb == "config":
            from openclaw_desktop.cli import config

            return config.run(home, arguments)
        if arguments.verb == "service":
            from openclaw_desktop.cli import service

            return asyncio.run(service.run(home, arguments))
        if arguments.verb == "logs":
            from openclaw_desktop.cli.log_lines import show_logs

            return asyncio.run(show_logs(home, arguments))
        return asyncio.run(_run(home, arguments))
    except UserError as error:
        return _fail(arguments, error.failure)
    except (KeyboardInterrupt, asyncio.CancelledError):
        output.tell(tr("Stopped."))
        return ExitCode.FAILED
    except BrokenPipeError:
        # The reader of our output has gone; what is left of it goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED
    except Exception as error:
        place = write_crash(home, error)
        failure = Failure("internal", tr("The program hit an error of its own."), tr("Details: {place}", place=place))
        return _fail(arguments, failure)


def _fail(arguments: argparse.Namespace, failure: Failure) -> int:
    if arguments.json:
        output.print_json({"error": {"code": failure.code, "sentence": failure.sentence, "advice": failure.advice}})
    output.tell_failure(failure)
    return failure.exit_code


async def _run(home: Home, arguments: argparse.Namespace) -> int:
    name = f"{arguments.verb} {arguments.action}" if "action" in arguments else arguments.verb
    if name in WITHOUT_AGENT:
        return await WITHOUT_AGENT[name](home, arguments)
    try:
        if arguments.verb == "doctor" and arguments.fix:
            from openclaw_desktop.service.memory.closed_home import mend_at_start

            await mend_at_start(home)
        code = await read_recovery_code(home.database) if name == "memory recover" and not arguments.new_code else None
        service, stop = await _reach(home, name, code)
    except UserError as error:
        if name == "backup list":
            return await backups.list_without_agent(home, arguments, error.failure)
        if arguments.verb != "doctor":
            raise
        return await _doctor_outside(home, arguments, error.failure)
    try:
        return await with_passphrase(service, lambda: _verb(name)(service, arguments))
    finally:
        await stop()


async def _reach(home: Home, name: str, code: str | None) -> tuple[AgentService, Callable[[], Awaitable[None]]]:
    """Return the agent of `home`, and how to let go of it: the one that runs, or one for this verb."""
    prepare(home)
    if (remote := await RemoteService.connect(home.socket)) is not None:
        return remote, remote.close
    from openclaw_desktop.runtime import attach_or_start

    agent = await attach_or_start(home, "serve" if name in LASTING else None, name, code)
    return agent.service, agent.stop


def _verb(name: str) -> Verb:
    if name.startswith("mcp "):
        from openclaw_desktop.cli import mcp

        return mcp.VERBS[name]
    if name.startswith("task "):
        from openclaw_desktop.cli import jobs

        return jobs.VERBS[name]
    if name.startswith("notify "):
        from openclaw_desktop.cli import notices

        return notices.VERBS[name]
    if name.startswith("account "):
        from openclaw_desktop.cli import accounts

        return accounts.VERBS[name]
    return VERBS[name]


async def _doctor_outside(home: Home, arguments: argparse.Namespace, failure: Failure) -> int:
    """Report what keeps the agent from starting: that is what a doctor is asked for."""
    finding = Finding(failure.code, "error", failure.sentence, failure.advice)
    if arguments.fix and failure.code == "database_damaged":
        finding = await backups.repair_damaged(home)
    if arguments.bundle is not None:
        from openclaw_desktop.cli.bundle import make_bundle

        return make_bundle(home, arguments, [finding], None)
    if arguments.json:
        output.print_json({"findings": [finding]})
    else:
        output.say(output.describe_finding(finding) + "\n")
    return ExitCode.FAILED if finding.level == "error" else ExitCode.DONE


async def _ask(service: AgentService, arguments: argparse.Namespace) -> int:
    result = await run_turn(service, ask_request(arguments), None if arguments.json else output.say)
    if result.failure is not None:
        raise UserError.from_failure(result.failure)
    if arguments.json:
        output.print_json(result.answer)
    elif result.answer is not None:
        output.say("\n")
    if result.answer is None:
        output.tell(tr("Stopped."))
    return result.exit_code


async def _chat(service: AgentService, arguments: argparse.Namespace) -> int:
    results = await chat(service, arguments.session, None if arguments.json else output.say)
    if arguments.json:
        output.print_json({"answers": [result.answer for result in results if result.answer is not None]})
    # A script's last question decides; a person who talked and left is done.
    return ExitCode.DONE if is_real_terminal() or not results else results[-1].exit_code


async def _remember(service: AgentService, arguments: argparse.Namespace) -> int:
    hit = await service.remember(arguments.text)
    ended = (await service.show_memory(hit.id)).supersedes
    if arguments.json:
        output.print_json(asdict(hit) | {"ended": [one.id for one in ended]})
        return ExitCode.DONE
    output.say(tr("Saved as {id}.", id=hit.id) + "\n")
    for one in ended:
        output.tell(tr("It takes the place of “{text}” ({id}).", text=visible(one.text), id=one.id))
    if ended:
        output.tell(tr("openclaw-agent memory undo takes that back."))
    return ExitCode.DONE


async def _recall(service: AgentService, arguments: argparse.Namespace) -> int:
    answer = await service.recall(arguments.query, arguments.k)
    if arguments.json:
        output.print_json(answer)
    elif answer.hits:
        output.say(output.describe_recall(answer) + "\n")
    else:
        output.tell(tr("Nothing about that is remembered."))
    return ExitCode.DONE


async def _model_list(service: AgentService, arguments: argparse.Namespace) -> int:
    models = await service.list_models(look_around=True)
    if arguments.json:
        output.print_json({"models": models})
    else:
        output.say("\n".join(output.describe_model(model) for model in models) + "\n")
    return ExitCode.DONE


async def _model_fit(service: AgentService, arguments: argparse.Namespace) -> int:
    report = await service.fit_models(arguments.context)
    if arguments.json:
        output.print_json(report)
    else:
        output.say(describe_fit(report) + "\n")
    return ExitCode.DONE


async def _model_pull(service: AgentService, arguments: argparse.Namespace) -> int:
    done = await pull_with_progress(service, arguments.model)
    pulled = next(model for model in await service.list_models() if model.id == arguments.model)
    if arguments.json:
        output.print_json(pulled)
    elif done:
        output.say(tr("{title} is here: {path}", title=pulled.title, path=pulled.path) + "\n")
    return ExitCode.DONE if done else ExitCode.FAILED


async def _model_pause(service: AgentService, arguments: argparse.Namespace) -> int:
    if not await service.pause_pull(arguments.model):
        raise UserError("no_download", tr("{model} is not being fetched.", model=visible(arguments.model)))
    if arguments.json:
        output.print_json({"paused": arguments.model})
    else:
        output.say(tr("Paused; model pull {model} goes on with it.", model=arguments.model) + "\n")
    return ExitCode.DONE


async def _model_add(service: AgentService, arguments: argparse.Namespace) -> int:
    from openclaw_desktop.inference.endpoints.address import is_url

    if is_url(arguments.path):
        return await _endpoint_add(service, arguments)
    output.tell(tr("Reading the file…"))
    model = await service.add_model(_whole_path(arguments.path), arguments.copy)
    if arguments.json:
        output.print_json(model)
    else:
        output.say(tr("{title} is here as {id}: {path}", title=model.title, id=model.id, path=model.path) + "\n")
    return ExitCode.DONE


async def _endpoint_add(service: AgentService, arguments: argparse.Namespace) -> int:
    models = await service.add_endpoint(arguments.path, arguments.name, arguments.key, arguments.model)
    if arguments.json:
        output.print_json({"models": models})
        return ExitCode.DONE
    output.say("\n".join(output.describe_model(model) for model in models) + "\n")
    if models:
        output.tell(tr("Added. Choose it with: openclaw-agent model use {model}", model=models[0].id))
        if models[0].leaves_machine:
            output.tell(output.leaving_sentence(models[0].endpoint))
    return ExitCode.DONE


async def _model_remove(service: AgentService, arguments: argparse.Namespace) -> int:
    removed = await service.remove_model(arguments.model)
    if arguments.json:
        output.print_json(removed)
    else:
        output.say(output.describe_removed(removed) + "\n")
    return ExitCode.DONE


async def _model_use(service: AgentService, arguments: argparse.Namespace) -> int:
    model = await service.use_model(arguments.model)
    if arguments.json:
        output.print_json(model)
    else:
        output.say(tr("{title} answers from now on.", title=model.title) + "\n")
    if model.leaves_machine:
        output.tell(output.leaving_sentence(model.endpoint))
    return ExitCode.DONE


def _whole_path(path: str) -> str:
    """Return `path` absolute: the agent may run in another folder."""
    try:
        return str(Path(path).expanduser().absolute())
    except RuntimeError:  # "~nobody": the agent says that nothing is there
        return path


async def _grant_list(service: AgentService, arguments: argparse.Namespace) -> int:
    grants = await service.list_grants()
    if arguments.json:
        output.print_json({"grants": grants})
    elif grants:
        output.say("\n".join(output.describe_grant(grant) for grant in grants) + "\n")
    else:
        output.tell(tr("Nothing is granted: the agent asks before it reads a file."))
    return ExitCode.DONE


async def _grant_add(service: AgentService, arguments: argparse.Namespace) -> int:
    of_files = arguments.capability.startswith("file:")
    grant = await service.add_grant(arguments.capability, _whole_path(arguments.scope) if of_files else arguments.scope)
    if arguments.json:
        output.print_json(grant)
    else:
        output.say(tr("Granted: {capability} {scope}", capability=grant.capability, scope=grant.scope) + "\n")
    return ExitCode.DONE


async def _grant_remove(service: AgentService, arguments: argparse.Namespace) -> int:
    scope = _whole_path(arguments.grant)
    if not (await service.remove_grant(arguments.grant) or await service.remove_grant(scope)):
        raise UserError(
            "unknown_grant",
            tr("There is no grant {grant}.", grant=visible(arguments.grant)),
            tr("openclaw-agent grant list shows them."),
        )
    if arguments.json:
        output.print_json({"removed": arguments.grant})
    else:
        output.say(tr("Removed.") + "\n")
    return ExitCode.DONE


async def _status(service: AgentService, arguments: argparse.Namespace) -> int:
    status = await service.status()
    if arguments.json:
        output.print_json(status)
    else:
        output.say("\n".join([output.describe_status(status), *describe_usage(status)]) + "\n")
    return ExitCode.DONE


async def _doctor(service: AgentService, arguments: argparse.Namespace) -> int:
    findings = await service.check(repair=arguments.fix)
    if arguments.bundle is not None:
        from openclaw_desktop.cli.bundle import make_bundle

        return make_bundle(find_home(arguments.home, os.environ), arguments, findings, await service.status())
    if arguments.json:
        output.print_json({"findings": findings})
    else:
        output.say("\n".join(output.describe_finding(finding) for finding in findings) + "\n")
    return ExitCode.FAILED if any(finding.level == "error" for finding in findings) else ExitCode.DONE


# These need the memory closed, or not at all.
WITHOUT_AGENT = {"backup restore": backups.restore, "backup discard": backups.discard}
# These last: whoever comes meanwhile must be able to attach, so they are a serving agent for their time.
LASTING = ("chat", "model pull")
VERBS: dict[str, Verb] = {
    "ask": _ask,
    "chat": _chat,
    "remember": _remember,
    "recall": _recall,
    "feedback": feedback,
    **memory.VERBS,
    "model list": _model_list,
    "model fit": _model_fit,
    "model pull": _model_pull,
    "model use": _model_use,
    "model pause": _model_pause,
    "model add": _model_add,
    "model remove": _model_remove,
    "model ledger": show_ledger,
    "grant list": _grant_list,
    "grant add": _grant_add,
    "grant remove": _grant_remove,
    **walls.VERBS,
    **health.VERBS,
    "secret set": set_secret,
    "secret list": list_secrets,
    "secret remove": remove_secret,
    "secret unlock": unlock_secrets,
    "tool list": tools.list_tools,
    "tool call": tools.call_tool,
    "backup create": backups.create_backup,
    "backup list": backups.list_backups,
    "memory consolidate": consolidate,
    "memory encrypt": encrypt_memory,
    "memory decrypt": decrypt_memory,
    "memory rekey": rekey_memory,
    "memory recover": recover_memory,
    "onboard": onboard,
    "status": _status,
    "doctor": _doctor,
}
