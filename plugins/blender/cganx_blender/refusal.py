# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be done, said to the user in one sentence."""


class Refusal(Exception):
    """The message is one sentence that says why not and what to do; it is shown in the panel and by the operator."""


def sentence(error: Exception) -> str:
    """An error as one line for Blender's status bar."""
    if isinstance(error, OSError) and error.strerror:
        where = f" {error.filename}:" if error.filename else ""
        return f"{where} {error.strerror}".strip()
    return " ".join(str(error).split()) or type(error).__name__
