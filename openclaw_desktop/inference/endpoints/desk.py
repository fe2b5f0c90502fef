"""All endpoints: those that the user added, and those found on this machine.

Owns which there are, their clients, and the ids of their models (`NAME/MODEL`). Nothing here chooses a model: the user
does. Must not know which one answers. Loop.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from openclaw_desktop.core.errors import ExitCode, UserError
from openclaw_desktop.core.protocols import ModelCard, Secrets
from openclaw_desktop.core.text import tr, visible
from openclaw_desktop.inference.endpoints.address import Address, parse_address
from openclaw_desktop.inference.endpoints.book import Endpoint, EndpointBook, check_name, check_secret
from openclaw_desktop.inference.endpoints.client import EndpointClient, ServedModel
from openclaw_desktop.inference.endpoints.dialect import Dialects
from openclaw_desktop.inference.endpoints.discovery import Found, discover
from openclaw_desktop.inference.endpoints.failures import unencrypted

LIST_LIMIT_S = 4.0

Discover = Callable[..., Awaitable[tuple[Found, ...]]]


@dataclass(frozen=True, slots=True)
class EndpointModel:
    """One model of one endpoint. `problem`: why it can't be asked now."""

    endpoint: Endpoint
    model: str
    context_tokens: int | None = None
    problem: str = ""

    @property
    def id(self) -> str:
        """Its id among all models."""
        return f"{self.endpoint.name}/{self.model}"

    @property
    def leaves_machine(self) -> bool:
        """Whether what it reads leaves this machine."""
        return self.endpoint.leaves_machine(self.model)


class EndpointDesk:
    """The book, what was seen of its servers, and their clients."""

    def __init__(
        self,
        book_file: Path,
        secrets: Secrets | None,
        dialects_file: Path | None = None,
        find_servers: Discover = discover,
        context_tokens: int = 4096,
        proxy: str | None = None,
    ) -> None:
        self.book = EndpointBook(book_file)
        self._secrets = secrets
        self._dialects = Dialects(dialects_file)
        self._discover = find_servers
        self._context_tokens = context_tokens
        self._proxy = proxy
        self._clients: dict[str, EndpointClient] = {}

    def find(self, model_id: str | None) -> EndpointModel | None:
        """Return the model of an added endpoint, by `NAME/MODEL` or by `NAME` for its usual one; nobody is asked."""
        name, _, model = (model_id or "").partition("/")
        endpoint = self.book.get(name)
        model = model or (endpoint.model if endpoint else "") or ""
        if endpoint is None or not model:
            return None
        return EndpointModel(endpoint, model, _context_of(endpoint, ServedModel(model)))

    def card(self, model_id: str | None) -> ModelCard | None:
        """Return what the agent must know of an added endpoint's model."""
        found = self.find(model_id)
        if found is None:
            return None
        context = found.context_tokens or self._context_tokens
        return ModelCard(found.id, found.model, 0, found.endpoint.tools, context, found.leaves_machine)

    def known(self, wanted: str | None = None) -> tuple[EndpointModel, ...]:
        """Return the models known without asking anybody: each endpoint's usual one, and `wanted`."""
        ids = [endpoint.name for endpoint in self.book.endpoints] + [wanted or ""]
        found = [model for model in map(self.find, ids) if model is not None]
        return tuple({model.id: model for model in found}.values())

    async def look(self) -> tuple[EndpointModel, ...]:
        """Ask every endpoint and look for servers on this machine; who does not answer is named with the problem."""
        added = self.book.endpoints
        answers = asyncio.gather(*(self._models_of(endpoint) for endpoint in added))
        servers = self._discover(
            skip=[endpoint.address.url.replace("//localhost:", "//127.0.0.1:") for endpoint in added]
        )
        asked, found = await asyncio.gather(answers, servers)
        models = [model for models in asked for model in models]
        for server in found:
            endpoint = replace(server.endpoint, name=self._free_name(server.endpoint.name))
            listed = server.models or (ServedModel("") if server.problem else None,)
            models += [
                EndpointModel(endpoint, model.id, model.context_tokens, problem=server.problem)
                for model in listed
                if model is not None
            ]
        return tuple(models)

    async def _models_of(self, endpoint: Endpoint) -> tuple[EndpointModel, ...]:
        try:
            served = await self.client(endpoint.name).models(LIST_LIMIT_S)
        except UserError as error:
            return (EndpointModel(endpoint, endpoint.model or "", problem=error.failure.sentence),)
        return tuple(EndpointModel(endpoint, model.id, _context_of(endpoint, model)) for model in served)

    async def add(self, url: str, name: str | None, secret: str | None, model: str | None) -> tuple[EndpointModel, ...]:
        """Ask the endpoint at `url` for its models and write it into the book; raises UserError, then nothing changed.

        `name` None: made from its host. `model`: its usual one; needed where the endpoint does not name its models.
        """
        address = parse_address(url)
        check_secret(secret)
        endpoint = Endpoint(check_name(name) if name else self._name_for(address), address, model, secret)
        if secret and not address.encrypted and not address.on_this_machine:
            raise unencrypted(endpoint)
        before = self.book.get(endpoint.name)
        if before is not None and before.address == address:
            endpoint = replace(endpoint, limits=before.limits, tools=before.tools, model=model or before.model)
        served = await self._probe(endpoint, named=model)
        if model and model not in {one.id for one in served}:
            served = (*served, ServedModel(model))
        usual = model or endpoint.model or (served[0].id if len(served) == 1 else None)
        context = next((one.context_tokens for one in served if one.id == usual), None)
        endpoint = replace(endpoint, model=usual, context_tokens=context)
        await self._put(endpoint)
        self._dialects.forget(endpoint.name)
        return tuple(EndpointModel(endpoint, one.id, one.context_tokens) for one in served)

    async def _probe(self, endpoint: Endpoint, named: str | None) -> tuple[ServedModel, ...]:
        """Return what the endpoint names; where it names nothing but answers, what the user named."""
        client = EndpointClient(endpoint, self._secrets, Dialects(), proxy=self._proxy)
        try:
            return await client.models()
        except UserError as error:
            # Some gateways answer questions but list no models.
            if error.failure.code != "not_openai" or not named:
                raise
            return (ServedModel(named),)
        finally:
            await client.close()

    async def choose(self, model_id: str) -> EndpointModel | None:
        """Return the model that the user chose, written into the book; None where there is no such endpoint.

        A server found on this machine is added by it. Raises UserError where the endpoint does not answer or has no
        such model.
        """
        name, _, model = model_id.partition("/")
        added = self.book.get(name)
        if added is not None:
            model = model or added.model or ""
            models = await self._served(added, model)
        else:
            models = tuple(one for one in await self.look() if one.endpoint.name == name)
        if not models:
            return None
        if not model and len(models) == 1:
            model = models[0].model
        chosen = next((one for one in models if one.model == model and model), None)
        if chosen is None and models[0].problem:
            raise UserError(
                "endpoint_failed",
                models[0].problem,
                tr("Add it with its key: model add {url} --key secret:NAME.", url=models[0].endpoint.address.url),
            )
        if chosen is None:
            raise UserError(
                "wrong_model",
                tr("{name} has no model {model}.", name=name, model=visible(model) or "?"),
                tr("It has: {models}.", models=", ".join(visible(one.id) for one in models[:20])),
                ExitCode.USAGE,
            )
        await self._put(replace(chosen.endpoint, model=model, context_tokens=chosen.context_tokens))
        return chosen

    async def _served(self, endpoint: Endpoint, model: str) -> tuple[EndpointModel, ...]:
        served = await self._probe(endpoint, named=model)
        return tuple(EndpointModel(endpoint, one.id, _context_of(endpoint, one)) for one in served)

    async def remove(self, name: str) -> bool:
        """Take an endpoint out of the book; False where there is none of that name."""
        if self.book.get(name) is None:
            return False
        self.book.remove(name)
        await self._drop_client(name)
        self._dialects.forget(name)
        return True

    def client(self, name: str) -> EndpointClient:
        """Return the client of an added endpoint; raises UserError where it is gone."""
        endpoint = self.book.get(name)
        if endpoint is None:
            raise UserError(
                "no_endpoint",
                tr("There is no endpoint {name} any more.", name=visible(name)),
                tr("Choose another model: openclaw-agent model list, then model use."),
            )
        if name not in self._clients:
            self._clients[name] = EndpointClient(endpoint, self._secrets, self._dialects, proxy=self._proxy)
        return self._clients[name]

    async def _put(self, endpoint: Endpoint) -> None:
        if (before := self.book.get(endpoint.name)) == endpoint:
            return
        self.book.put(endpoint)
        await self._drop_client(endpoint.name)
        if before is None or before.address != endpoint.address:
            self._dialects.forget(endpoint.name)

    async def _drop_client(self, name: str) -> None:
        client = self._clients.pop(name, None)
        if client is not None:
            await client.close()

    def _name_for(self, address: Address) -> str:
        known = next((one.name for one in self.book.endpoints if one.address == address), None)
        words = re.sub(r"[^a-z0-9]+", "-", address.host.removeprefix("api.")).strip("-")[:24] or "endpoint"
        return known or self._free_name("local" if address.on_this_machine else words)

    def _free_name(self, name: str) -> str:
        taken = {endpoint.name for endpoint in self.book.endpoints}
        return next(
            free for number in range(1, 1000) if (free := name if number == 1 else f"{name}-{number}") not in taken
        )

    async def close(self) -> None:
        """End all connections."""
        for name in list(self._clients):
            await self._drop_client(name)


def _context_of(endpoint: Endpoint, served: ServedModel) -> int | None:
    """Return how much a model reads: what the book says is of its usual one, which another need not match."""
    told = endpoint.context_tokens if endpoint.model in (None, served.id) else None
    return told or served.context_tokens
