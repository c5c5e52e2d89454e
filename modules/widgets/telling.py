"""Elements that tell the server something when they are used, with no script in their attributes.

The page's policy runs none there; `static/tell.js` listens for all of them.
"""

from __future__ import annotations

import json


def tells(id: str, value=None) -> dict[str, str]:
    """Attributes of a button, a radio button or a `details` that report to an input.

    Parameters
    ----------
    id : full id of the input that is told
    value : anything that JSON can hold, or a number of numpy; None: what the element itself holds. A
        `details` tells it once, when it is first opened; the others each time.
    """
    return {"data-sl-tell": id} | ({} if value is None else {"data-sl-value": json.dumps(value, default=int)})
