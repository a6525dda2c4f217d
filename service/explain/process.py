"""The process that explains: `service.explain.asking` starts it, asks on its input and reads its output, until it ends.

In a thread of the service the many small operations of the replay would take the interpreter from the requests.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, BinaryIO

from model_store.layout import VersionRef
from service.explain.frames import QUESTION, Reply
from service.explain.graph import NotCoveredError
from service.explain.shelf import ChangedError, Shelf
from service.logs import configure, log_exception

_NICENESS = 10
"""Whoever waits for an answer of a model comes first."""


def answer(shelf: Shelf, asked: dict[str, Any]) -> Reply:
    """Explain what was asked.

    Args:
        shelf: where the versions are.
        asked: `text`; `followed`, the place of a label; `units`; `head`, the beginning of the answer; and `models`, for
            each `model`, `version`, `digest`, the `served` probabilities and `shown`, what is known of it already.

    Returns:
        The answer to the request, as `service.schemas_explanation` documents it.
    """
    models = []
    for each in asked["models"]:
        ref = VersionRef(each["model"], each["version"])
        try:
            version = shelf.get(ref, each["digest"])
        except NotCoveredError as error:
            return Reply("not_covered", f"{ref}: {error}".encode())
        except ChangedError as error:
            return Reply("changed", str(error).encode(errors="replace"))
        explained = version.explain(asked["text"], asked["followed"], each["served"], units=asked["units"])
        models.append({**each["shown"], **explained})
    document = {**asked["head"], "models": models}
    return Reply("answered", json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode())


def serve(questions: BinaryIO, answers: BinaryIO, shelf: Shelf) -> None:
    """Answer questions until there are no more."""
    while head := questions.read(QUESTION.size):
        [size] = QUESTION.unpack(head)
        try:
            reply = answer(shelf, json.loads(questions.read(size)))
        except Exception as error:  # the next question may well be answered
            log_exception("explanation_failed", error)
            reply = Reply("failed", b"")
        answers.write(reply.framed())
        answers.flush()


def main() -> None:
    """Answer questions on standard input; the only argument is the model store."""
    os.nice(_NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the service ends the process when it ends itself
    configure("info", process="explain")
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever else is printed must not stand among the answers
    serve(sys.stdin.buffer, answers, Shelf(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
