"""What works and what does not: all that staff are told about it, and all that orders depend on.

`facts` finds what is wrong, and `notices` has the words for it. The pages of the admin, `vton_doctor`, the
incidents and their mails, and `intake.availability` read both, so they cannot contradict each other.
"""

from .fact import Fact
from .facts import find_facts, find_incidents, find_stops
from .notice import Notice
from .notices import notice

__all__ = ["Fact", "Notice", "find_facts", "find_incidents", "find_stops", "notice"]
