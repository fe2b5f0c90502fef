"""The endpoints of this agent, beside its own models: listed, added, chosen and removed by the user alone.

Owns the way of that choice into the settings. Must not know what is sent to an endpoint. Loop.
"""

from __future__ import annotations

from pathlib import Path

from openclaw_desktop.inference.endpoints.desk import EndpointDesk, EndpointModel
from openclaw_desktop.inference.router import ModelRouter
from openclaw_desktop.service.api import ModelView, RemovedModel
from openclaw_desktop.service.models.desk import ModelShelf
from openclaw_desktop.storage.settings import set_setting


class EndpointShelf:
    """The endpoints as a front end sees them."""

    def __init__(self, desk: EndpointDesk, models: ModelShelf, router: ModelRouter, settings_file: Path) -> None:
        self.desk = desk
        self.router = router
        self._models = models
        self._settings_file = settings_file

    async def list(self, look_around: bool) -> tuple[ModelView, ...]:
        """Return the models of endpoints; `look_around` asks all of them and looks for servers on this machine."""
        known = self.desk.known(self._models.selection.wanted)
        if not look_around:
            return tuple(self._view(model) for model in known)
        seen = await self.desk.look()
        ids = {model.id for model in seen}
        # The one in use stays in the list, also where its server is silent or does not name it.
        missing = [model for model in known if self._is_in_use(model) and model.id not in ids]
        return tuple(self._view(model) for model in (*seen, *missing))

    async def add(self, url: str, name: str | None, key: str | None, model: str | None) -> tuple[ModelView, ...]:
        """Add the endpoint at `url` and return its models; raises UserError, then nothing changed."""
        added = await self.desk.add(url, name, key, model)
        self.router.announce()
        return tuple(self._view(one) for one in added)

    async def use(self, model_id: str) -> ModelView | None:
        """Choose an endpoint's model for good; None where no endpoint is called so."""
        chosen = await self.desk.choose(model_id)
        if chosen is None:
            return None
        await self._choose(chosen.id)
        self.router.announce()
        return self._view(chosen)

    async def remove(self, name: str) -> RemovedModel | None:
        """Take an endpoint out of the book; None where there is none of that name."""
        endpoint = self.desk.book.get(name)
        if endpoint is None:
            return None
        in_use = self.router.endpoint_model
        was_in_use = in_use is not None and in_use.endpoint.name == name
        await self.desk.remove(name)
        if was_in_use:
            await self._choose(None)
        now = self._models.selection.current() if was_in_use else None
        return RemovedModel(name, name, 0, endpoint.address.url, was_in_use, now.title if now else None)

    async def _choose(self, model_id: str | None) -> None:
        set_setting(self._settings_file, "model.id", model_id)
        self._models.selection.wanted = model_id
        self._models.selection.stepped_down_to = None
        await self._models.refresh()

    def _is_in_use(self, model: EndpointModel) -> bool:
        in_use = self.router.endpoint_model
        return in_use is not None and in_use.id == model.id

    def _view(self, model: EndpointModel) -> ModelView:
        card = self.desk.card(model.id)
        return ModelView(
            id=model.id if model.model else model.endpoint.name,
            title=model.model or model.endpoint.name,
            size_bytes=0,
            licence="",
            context_tokens=model.context_tokens or (card.context_tokens if card else 0),
            calls_tools=model.endpoint.tools,
            path=None,
            chosen=self._is_in_use(model),
            problem=model.problem,
            endpoint=model.endpoint.address.url,
            leaves_machine=model.leaves_machine,
        )
