"""The guards look at the studio as its own tests do."""

from tests.web.studio.conftest import (
    admin,
    anybody,
    desk,
    sample,
    sign_in_token,
)

__all__ = ["admin", "anybody", "desk", "sample", "sign_in_token"]
