"""What README.md shows, to be run: the code of a section, and what it says that comes out."""

import pathlib
import re

_README = (pathlib.Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")


def text(section):
    return re.search(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", _README, re.M | re.S)[1]


def steps(section, language, endpoint, account):
    """Pairs of code and what is shown after it, with the addresses and accounts of the section replaced."""
    found = []
    for kind, body in re.findall(r"^```(\w+)\n(.*?)^```$", text(section), re.M | re.S):
        if kind == language:
            body = body.replace("http://127.0.0.1:8080", endpoint)
            found.append([re.sub(r"\b(123456789012|111122223333)\b", account, body), ""])
        else:
            found[-1][1] = body
    return found
