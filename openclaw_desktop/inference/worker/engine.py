"""One loaded model that answers: a prompt in, text or weights out.

Owns the order of the work: what of a prompt is known already, what is read, when a state goes to its file. Must not
know the pipe. Model process, main thread.
"""

from __future__ import annotations

import codecs
import hashlib
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np

from openclaw_desktop.inference.worker.chunks import first_chunk_tokens, next_chunk_tokens
from openclaw_desktop.inference.worker.effort import peak_rss_bytes
from openclaw_desktop.inference.worker.grammar import Grammars, certain_text
from openclaw_desktop.inference.worker.lanes import Lane, Memory, common_prefix
from openclaw_desktop.inference.worker.model import EngineError, Model
from openclaw_desktop.inference.worker.requests import Load, Question, Run
from openclaw_desktop.inference.worker.sampler import Sampler
from openclaw_desktop.inference.worker.states import Kind, States
from openclaw_desktop.inference.worker.template import prompt_tokens

LEAST_REPLY_TOKENS = 16
LONGEST_GUESS_TOKENS = 24
# A state is fetched from its file where it spares at least so many tokens, and written where a later start would be
# spared so many: when idle a whole file for a short turn would be wasteful, at the end it is the last chance.
WORTH_FETCHING_TOKENS = 32
WORTH_WRITING_TOKENS = 512
WORTH_WRITING_AT_END_TOKENS = 32
_HEAD_BYTES = 1 << 20


class Engine:
    """A model in memory, with what it has read."""

    def __init__(self, load: Load) -> None:
        self._model = Model(load.path, extra_buffers=load.extra_buffers, mmap=load.mmap)
        try:
            self._memory = Memory(self._model, load.context_tokens, load.threads)
        except EngineError:
            self._model.close()
            raise
        self._grammars = Grammars(self._model)
        self._states = self._open_states(load)
        self._stable: dict[int, int] = {}
        self._chunk_tokens = first_chunk_tokens(self._model.parameters)
        self._keep_chat = True
        self.context_tokens = self._memory.tokens
        self.trained_tokens = self._model.trained_tokens

    def _open_states(self, load: Load) -> States | None:
        if load.states_folder is None or not self._model.cuts_memory:
            return None
        key = f"{llama_cpp.__version__} {self._memory.layout} {load.identity or _identify(Path(load.path))}"
        try:
            return States(Path(load.states_folder), load.states_limit_bytes, key)
        except OSError:  # no folder, no states: everything else works
            return None

    def set_threads(self, threads: int) -> None:
        """Use so many threads from the next token on."""
        self._memory.set_threads(threads)

    def close(self) -> None:
        """Write what the next start should have, and free everything."""
        self.settle(ending=True)
        self._grammars.close()
        self._memory.close()
        self._model.close()

    def complete(
        self,
        question: Question,
        schema: Mapping[str, Any] | None,
        max_tokens: int,
        temperature: float,
        cancelled: Callable[[], bool],
        run: Run,
    ) -> Generator[str, None, None]:
        """Yield the reply piece by piece and fill `run`; with `schema` it is JSON that fits.

        No `max_tokens`: the prompt is read, so that the next one like it need not be, and nothing is written.
        """
        started_s, cpu_started_s = time.perf_counter(), time.process_time()
        grammar, run.grammar_cached = self._grammars.start(schema) if schema is not None else (None, False)
        with Sampler(self._model.size, grammar, temperature) as sampler:
            start = self._certain_tokens(schema, sampler, "", max_tokens)
            guess = self._guess(schema, start, max_tokens)
            lane = self._read_prompt(question, max_tokens, cancelled, run, start, guess)
            run.prompt_s = time.perf_counter() - started_s
            if lane is None:
                run.stop = "cancelled"
            elif max_tokens <= 0:
                run.stop = "length"
            else:
                limit = min(max_tokens, self.context_tokens - run.prompt_tokens)
                yield from self._reply(lane, sampler, schema, start, guess, limit, cancelled, run)
        run.decode_s = time.perf_counter() - started_s - run.prompt_s
        run.cpu_s = time.process_time() - cpu_started_s
        run.peak_rss_bytes = peak_rss_bytes()

    def weigh(
        self, question: Question, choices: Sequence[str], cancelled: Callable[[], bool], run: Run
    ) -> tuple[float, ...] | None:
        """Return for each choice the probability that the reply begins with it, 1 in sum; None if cancelled.

        A choice of several tokens has the product of theirs: the later ones of a word that has begun cost it little,
        so that long and short words are comparable. Fills `run`; nothing counts as written.
        """
        started_s, cpu_started_s = time.perf_counter(), time.process_time()
        weights = self._weigh(question, choices, cancelled, run)
        run.stop = "end" if weights is not None else "cancelled"
        run.prompt_s = time.perf_counter() - started_s
        run.cpu_s = time.process_time() - cpu_started_s
        run.peak_rss_bytes = peak_rss_bytes()
        return weights

    def _weigh(
        self, question: Question, choices: Sequence[str], cancelled: Callable[[], bool], run: Run
    ) -> tuple[float, ...] | None:
        tokens = [self._model.tokenize(choice, False) for choice in choices]
        if sum(len(choice) > 1 for choice in tokens) > 1 and not self._model.cuts_memory:
            raise EngineError("cannot_weigh", "this model cannot go back to where the choice began")
        if not tokens or not all(tokens):
            raise EngineError("bad_choices", "there is nothing to choose from")
        lane = self._read_prompt(question, max(map(len, tokens)), cancelled, run)
        if lane is None:
            return None
        start = len(lane.tokens)
        # The logarithms after the prompt, and after each further token of the choice tried last.
        path: list[int] = []
        known = [_log_softmax(self._memory.logits())]
        scores: dict[int, float] = {}
        try:
            for index in sorted(range(len(tokens)), key=lambda index: tokens[index]):
                if cancelled():
                    return None
                choice = tokens[index]
                shared = min(common_prefix(path, choice), len(choice) - 1)
                self._memory.cut(lane, start + shared)
                path, known = choice[:shared], known[: shared + 1]
                for token in choice[shared:-1]:
                    self._memory.read(lane, [token])
                    path.append(token)
                    known.append(_log_softmax(self._memory.logits()))
                scores[index] = sum(float(known[at][token]) for at, token in enumerate(choice))
        finally:
            self._memory.cut(lane, start)
        weights = np.exp(np.array([scores[index] for index in range(len(tokens))]) - max(scores.values()))
        return tuple(float(weight) for weight in weights / weights.sum())

    def anticipate(self, question: Question, reply: str) -> None:
        """Read what stands before the user's next words in any case, while they are being thought of."""
        if question.lane == "background":
            return
        following = [*question.messages, ("assistant", reply), ("user", "?")]
        prompt = prompt_tokens(following, self._model.render, self._model.tokenize, self._model.begin)
        coming = prompt.tokens[: prompt.stable_tokens(len(following) - 1)]
        lane = self._memory.chat
        new, taken = len(coming) - len(lane.tokens), len(coming) + len(self._memory.background.tokens)
        if (
            lane.aside is None
            and lane.common(coming) == len(lane.tokens)
            and 0 < new <= self._chunk_tokens
            and taken < min(self.context_tokens, self._memory.cells)
        ):
            self._memory.read(lane, coming[len(lane.tokens) :])

    def settle(self, ending: bool = False) -> None:
        """Write the states that are worth it; for a moment when nobody waits, and for the end (`ending`)."""
        chat, background = self._memory.chat, self._memory.background
        if self._states is not None:
            for lane in (chat, background):
                if WORTH_FETCHING_TOKENS <= self._stable.get(lane.sequence, 0) <= len(lane.tokens):
                    self._write(lane, self._stable[lane.sequence], "stable")
            worth = WORTH_WRITING_AT_END_TOKENS if ending else WORTH_WRITING_TOKENS
            if self._keep_chat and len(chat.tokens) - chat.saved >= worth:
                self._write(chat, len(chat.tokens), "chat")
        # A job's own text is of no use to the next job, and would slow the chat down.
        self._memory.cut(background, self._stable.get(background.sequence, 0))

    def _write(self, lane: Lane, count: int, kind: Kind) -> None:
        assert self._states is not None
        tokens = lane.tokens[:count]
        if not self._states.has(tokens, kind):
            self._memory.enter(lane, len(lane.tokens), len(lane.tokens))
            size = self._memory.state_bytes(lane)
            if not self._states.write(tokens, kind, size, lambda path: self._memory.save(lane, count, path)):
                return
        lane.saved = max(lane.saved, count)

    def _reply(
        self,
        lane: Lane,
        sampler: Sampler,
        schema: Mapping[str, Any] | None,
        start: list[int],
        guess: list[int],
        max_tokens: int,
        cancelled: Callable[[], bool],
        run: Run,
    ) -> Generator[str, None, None]:
        """Yield the reply, of which the tokens `start` are read already, and `guess` behind them."""
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        right, chosen = self._check_guess(lane, sampler, guess)
        fresh, reply, is_read = [*start, *right], "", True
        while True:
            if text := decoder.decode(b"".join(map(self._model.piece, fresh))):
                reply += text
                yield text
            run.completion_tokens += len(fresh)
            if run.completion_tokens >= max_tokens:
                run.stop = "length"
                return
            if cancelled():
                run.stop = "cancelled"
                return
            if not is_read:
                self._memory.read(lane, fresh)
            token = sampler.next(self._memory.logits()) if chosen is None else chosen
            chosen, is_read = None, False
            if self._model.ends(token):
                return
            so_far = reply + self._model.piece(token).decode("utf-8", "replace")
            room = max_tokens - run.completion_tokens - 1
            fresh = [token, *self._certain_tokens(schema, sampler, so_far, room)]

    def _certain_tokens(self, schema: Mapping[str, Any] | None, sampler: Sampler, reply: str, room: int) -> list[int]:
        """Return the tokens that follow `reply` in any case: read in one go, they cost a third."""
        text = certain_text(schema, reply) if schema is not None else ""
        tokens = self._model.tokenize(text, False) if text else []
        return sampler.begin_with(tokens) if len(tokens) < min(room, self._chunk_tokens) else []

    def _guess(self, schema: Mapping[str, Any] | None, start: list[int], room: int) -> list[int]:
        """Return the tokens that follow `start` if the reply is of the last kind that `schema` allows, its usual one.

        They are read together with the prompt, where they cost next to nothing, and checked token by token: the reply
        is the same, its first words are there sooner.
        """
        options = (schema or {}).get("anyOf", ())
        if len(options) < 2 or not self._model.cuts_memory:
            return []
        begun = b"".join(map(self._model.piece, start)).decode("utf-8", "replace")
        tokens = self._model.tokenize(certain_text(options[-1], begun), False)
        return tokens if len(tokens) < min(room, LONGEST_GUESS_TOKENS, self._chunk_tokens // 2) else []

    def _check_guess(self, lane: Lane, sampler: Sampler, guess: list[int]) -> tuple[list[int], int | None]:
        """Return as much of `guess` as is right, and the token that is chosen in the place of the first wrong one."""
        for place, token in enumerate(guess):
            chosen = sampler.next(self._memory.logits(place - len(guess) - 1))
            if chosen != token:
                self._memory.cut(lane, len(lane.tokens) - len(guess) + place)
                return guess[:place], chosen
        return guess, None

    def _read_prompt(
        self,
        question: Question,
        reply_tokens: int,
        cancelled: Callable[[], bool],
        run: Run,
        start: Sequence[int] = (),
        guess: Sequence[int] = (),
    ) -> Lane | None:
        """Bring the lane to the end of the prompt, of `start` and of `guess`, with the logits; None if cancelled.

        The logits are those after the last token before `guess`, and after each of its own.
        """
        texts, texts_cached = self._model.texts, self._model.texts_cached
        prompt = prompt_tokens(question.messages, self._model.render, self._model.tokenize, self._model.begin)
        run.texts, run.texts_cached = self._model.texts - texts, self._model.texts_cached - texts_cached
        tokens = prompt.tokens
        run.prompt_tokens = len(tokens)
        begun = len(start) + len(guess) + 1
        if len(tokens) + max(LEAST_REPLY_TOKENS, begun) > self.context_tokens:
            raise EngineError("too_long", "the prompt does not fit", tokens=len(tokens), limit=self.context_tokens)
        lane = self._memory.background if question.lane == "background" else self._memory.chat
        if reply_tokens <= 0 and self._knows_better(lane, tokens):
            run.cached_tokens = lane.common(tokens)
            return lane
        if lane is self._memory.chat:
            self._keep_chat = question.keep
        self._fetch(lane, tokens, len(tokens) + max(reply_tokens, begun), run)
        self._stable[lane.sequence] = prompt.stable_tokens(question.stable)
        tokens = [*tokens, *start]
        at = run.cached_tokens
        while at < len(tokens):
            if cancelled():
                run.prompt_tokens = at  # what was read of it, and no more, is what it took
                return None
            chunk, begun_s = tokens[at : at + self._chunk_tokens], time.perf_counter()
            at += len(chunk)
            ahead = guess if at == len(tokens) else ()
            self._memory.read(lane, [*chunk, *ahead], len(ahead) + 1)
            took_s = time.perf_counter() - begun_s
            self._chunk_tokens = next_chunk_tokens(self._chunk_tokens, len(chunk) + len(ahead), took_s)
        return lane

    def _knows_better(self, lane: Lane, tokens: list[int]) -> bool:
        """Say whether reading a prompt in advance would forget more than it brings: the lane holds a chat like it."""
        common = lane.common(tokens)
        new, lost = len(tokens) - common, len(lane.tokens) - common
        return lost > new and new < WORTH_FETCHING_TOKENS

    def _fetch(self, lane: Lane, tokens: list[int], needed: int, run: Run) -> None:
        """Keep what the lane knows of `tokens`, or what a file knows where that is much more."""
        kept = lane.common(tokens)
        if self._states is not None:
            state = self._states.find(tokens, kept + WORTH_FETCHING_TOKENS)
            if state is not None and len(state.tokens) <= self._memory.cells and self._states.check(state):
                self._memory.enter(lane, 0, max(needed, len(state.tokens)))
                restored = self._memory.load(lane, state.tokens, state.path)
                run.restored_tokens = common_prefix(state.tokens, tokens) - kept if restored else 0
                kept = lane.common(tokens)
        # At least one token is read again: its logits are what the first new token is chosen from.
        run.cached_tokens = self._memory.enter(lane, min(kept, len(tokens) - 1), needed)


def _log_softmax(logits: Any) -> Any:
    values = logits.astype("f8")
    values -= values.max()
    return values - np.log(np.exp(values).sum())


def _identify(path: Path) -> str:
    status = path.stat()
    with path.open("rb") as file:
        head = hashlib.sha256(file.read(_HEAD_BYTES)).hexdigest()
    return f"{status.st_size} {status.st_mtime_ns} {head}"
