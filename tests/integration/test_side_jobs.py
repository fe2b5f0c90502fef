"""Side jobs with the real Qwen: no denial is lost or turned around in what is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openclaw_desktop.agent.side_jobs import extract_facts, score_importance, summarise
from openclaw_desktop.core.labels import USER
from openclaw_desktop.core.sentences import Passage, sense, turns_meaning
from openclaw_desktop.inference.client import ENVIRONMENT, LoadedModel, ModelClient
from openclaw_desktop.workers.supervisor import Supervisor

FILE = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
DENIALS = (
    "I never work on Fridays.",
    "I don't eat pork.",
    "My brother no longer works at Acme.",
    "I can't swim.",
    "I drink neither tea nor coffee.",
    "I cycle to work unless it rains.",
    "I take my tea without sugar.",
    "My neighbour Otto hates loud music.",
    "I won't be in Lisbon before 4 May.",
)


@pytest.fixture
async def client(qwen: Path) -> AsyncIterator[ModelClient]:
    client = ModelClient(Supervisor("inference", ENVIRONMENT), lambda _, state: None)
    client.choose(LoadedModel("qwen2.5-coder-1.5b", qwen / FILE, 4096))
    yield client
    await client.stop()


def denials(text: str) -> list[str]:
    return sorted(item for item in sense(text, by_user=True) if turns_meaning(item))


async def test_no_denial_is_lost(client: ModelClient) -> None:
    told = [Passage(f"t{number}", text, USER) for number, text in enumerate(DENIALS)]
    found = await extract_facts(client, told)
    for fact in found:
        print(fact)
        assert fact.source in told
        assert denials(fact.text) == denials(fact.source.text) != []
    assert len(found) >= len(DENIALS) - 2


async def test_what_matters_scores_above_talk(client: ModelClient) -> None:
    scores = [
        await score_importance(client, Passage("t", text, USER))
        for text in ("Thanks, that was nice!", "I am allergic to peanuts.")
    ]
    assert scores[0] is not None and scores[1] is not None and scores[0] < scores[1]


async def test_a_summary_keeps_sentences_whole(client: ModelClient) -> None:
    told = [
        Passage(
            "t1", "Hello there. Nice to hear from you. The weather is lovely. We meet Dana on 4 May at 10:00.", USER
        ),
        Passage("t2", "I slept well. Never send the contract to Ralf. See you soon. That is all for now.", USER),
    ]
    texts = [sentence.text for sentence in await summarise(client, told, 35)]
    print(texts)
    assert {"We meet Dana on 4 May at 10:00.", "Never send the contract to Ralf."} <= set(texts)


async def test_a_model_that_invents_is_held_to_the_sentences(smollm2: Path) -> None:
    client = ModelClient(Supervisor("inference", ENVIRONMENT), lambda _, state: None)
    client.choose(LoadedModel("smollm2-135m", smollm2 / "SmolLM2-135M-Instruct.Q4_1.gguf", 2048))
    told = [Passage(f"t{number}", text, USER) for number, text in enumerate(DENIALS)]
    try:
        found = await extract_facts(client, told)
    finally:
        await client.stop()
    assert found, "the schema lets it write facts"
    for fact in found:
        assert fact.source in told
        assert denials(fact.text) == denials(fact.source.text)
