"""Translates the CEL engine's compile errors for people, with positions."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from northflank_audit.errors import did_you_mean
from northflank_audit.resources import TYPES

# Texts, since rules seldom have mistakes: `re` compiles them when it first needs them.
_ERROR: Final = r"(?s)ERROR: <input>:(\d+):(\d+): (.*?)(?=\n \||\nERROR: |$)"
_UNKNOWN: Final = r"undeclared reference to '(?P<name>[^']*)'"
_OVERLOAD: Final = r"found no matching overload for '(?P<name>[^']*)' applied to '(?P<types>.*)'"
_UNEXPECTED: Final = r"(?:mismatched|extraneous) input '(?P<token>.*?)' expecting|at input '(?P<input>.*?)'"
_UNREADABLE: Final = r"(?s)token recognition error at: '(?P<token>.*)'"
_MISSING: Final = r"missing '(?P<what>.)' at"
_OTHER_LANGUAGES: Final = {
    "and": "&&",
    "AND": "&&",
    "&": "&&",
    "or": "||",
    "OR": "||",
    "|": "||",
    "not": "!",
    "NOT": "!",
    "=": "==",
    "is": "==",
    "None": "null",
    "True": "true",
    "False": "false",
}
"""Words of other languages, and their equivalents in CEL."""

_NAMES: Final = """
size contains startsWith endsWith matches has all exists exists_one filter map timestamp duration
getFullYear getMonth getDate getDayOfMonth getDayOfWeek getDayOfYear getHours getMinutes getSeconds
getMilliseconds int uint double string bytes bool type dyn bind charAt indexOf join lastIndexOf lowerAscii
upperAscii replace split substring trim format reverse quote
url
"""
FUNCTIONS: Final = tuple(_NAMES.split())
"""CEL's standard functions and macros (its language definition), its strings and bindings extensions, and ours."""


END: Final = "<EOF>"
"""The engine's name for the end of an expression."""


class Problem(msgspec.Struct, frozen=True):
    """A problem of an expression and its position: `index` and `width` are in characters."""

    text: str
    index: int = 0
    width: int = 1


def problems(source: str, message: str, variables: Sequence[str]) -> list[Problem]:
    """Return the problems in an engine's error; after a syntax error, only that one.

    `variables` are the names that the expression may use.
    """
    result = []
    lines = source.split("\n")
    for line, column, text in re.findall(_ERROR, message):
        start = sum(len(each) + 1 for each in lines[: int(line) - 1]) + int(column) - 1
        if "*error*" not in text:  # a consequence of the previous problem
            result.append(_problem(source, text.strip(), start, variables))
        if text.startswith("Syntax error"):
            break
    return result or [Problem(message.splitlines()[0] if message else "does not compile")]


def _problem(source: str, text: str, index: int, variables: Sequence[str]) -> Problem:
    if unknown := re.search(_UNKNOWN, text):
        return _unknown(source, unknown["name"], index, variables)
    if overload := re.search(_OVERLOAD, text):
        name, types = overload["name"].strip("_").replace("_", ""), overload["types"].strip("()")
        return Problem(f"no matching overload: '{name or overload['name']}' does not take ({types})", index)
    if text.startswith("Syntax error"):
        return _syntax(source, text, index)
    return Problem(text, index)


def _unknown(source: str, name: str, index: int, variables: Sequence[str]) -> Problem:
    first = name.partition(".")[0]
    called = source[index : index + 1] == "(" and source[:index].rstrip().endswith(name)
    start = source.rfind(name if called else first, 0, index + len(first))
    start = index if start < 0 else start
    if first in _OTHER_LANGUAGES:
        return Problem(f"unknown name '{first}'; CEL writes {_OTHER_LANGUAGES[first]}", start, len(first))
    hint = did_you_mean(first, FUNCTIONS if called else variables)
    if first == "detailed" or first in {kind.variable for kind in TYPES.values()}:
        hint = f"; a rule about this type has {', '.join(variables)}"
    elif not hint and not called:
        hint = f"; choose from {', '.join(variables)}"
    width = len(name) if source.startswith(name, start) else len(first)
    return Problem(f"unknown {'function' if called else 'name'} '{name}'{hint}", start, width)


def _syntax(source: str, text: str, index: int) -> Problem:
    if unreadable := re.search(_UNREADABLE, text):
        return _no_token(source, unreadable["token"].strip(), index)
    if missing := re.search(_MISSING, text):
        return Problem(f"Syntax error: a '{missing['what']}' is missing", index)
    unexpected = re.search(_UNEXPECTED, text)
    token = (unexpected and (unexpected["token"] or unexpected["input"])) or ""
    if token == END:
        return Problem("Syntax error: the expression ends too early", index)
    before = re.search(r"(\w+)\s*$", source[:index])
    for word, start in ((token, index), (before[1], before.start(1)) if before else ("", 0)):
        if word in _OTHER_LANGUAGES:
            problem = f"Syntax error: '{word}' is not valid CEL; write {_OTHER_LANGUAGES[word]}"
            return Problem(problem, start, len(word))
    return Problem(f"Syntax error: '{token}' does not belong here" if token else text, index, max(1, len(token)))


def _no_token(source: str, token: str, index: int) -> Problem:
    """Return the problem if the engine could not read a token."""
    if token[:1] in ("'", '"'):
        return Problem("Syntax error: the text that begins here has no end", index, len(token))
    if source.startswith(("===", "!=="), index - 2):
        return Problem("Syntax error: CEL compares with ==", index - 2, 3)
    hint = f"; CEL writes {_OTHER_LANGUAGES[token]}" if token in _OTHER_LANGUAGES else ""
    return Problem(f"Syntax error: '{token}' is not valid CEL{hint}", index, len(token) or 1)
