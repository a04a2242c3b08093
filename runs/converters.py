from __future__ import annotations

from django.urls.converters import StringConverter


class RunIdConverter(StringConverter):
    """Whatever stands for a run in a path, so that the view can say what is wrong with it.

    Not `crons`, which is a collection beside the runs.
    """

    regex = "(?!crons(?:/|$))[^/]+"
