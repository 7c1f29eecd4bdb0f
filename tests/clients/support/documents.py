"""What a page of this repository shows, to be run: its code, and what the page says that comes out."""

import pathlib
import re

_ROOT = pathlib.Path(__file__).parents[3]


def text(page, section=None):
    """The page, or what is below this heading of it. `page`: from the root, such as "README.md"."""
    document = (_ROOT / page).read_text(encoding="utf-8")
    if section is None:
        return document
    return re.search(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", document, re.M | re.S)[1]


def steps(shown_text, language, endpoint, account):
    """Pairs of code and what is shown after it, with the addresses and accounts of the text replaced."""
    found = []
    for kind, body in re.findall(r"^```(\w+)\n(.*?)^```$", shown_text, re.M | re.S):
        if kind == language:
            body = body.replace("http://127.0.0.1:8080", endpoint)
            found.append([re.sub(r"\b(123456789012|111122223333)\b", account, body), ""])
        else:
            found[-1][1] = body
    return found
