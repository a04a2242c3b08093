from __future__ import annotations

from xml.etree import ElementTree

from benchmarks.scale.svg import Axis, Chart

SVG = "{http://www.w3.org/2000/svg}"
LINES = {"1 process": [(1.0, 20.0), (100.0, 70.0)], "a < b": [(1.0, 30.0), (10.0, 110.0)]}


def test_each_line_is_drawn_through_its_points_and_named() -> None:
    chart = Chart(title="Runs & clients", x_label="clients", y_label="runs", lines=LINES)

    drawn = ElementTree.fromstring(chart.svg())

    lines = [line.attrib["points"].split() for line in drawn.iter(f"{SVG}polyline")]
    assert lines[0] == ["74.0,293.0", "560.0,170.5"]
    assert {"1 process", "a < b", "Runs & clients"} <= {text.text for text in drawn.iter()}


def test_a_linear_axis_begins_at_nought_and_ends_at_a_round_number() -> None:
    axis = Axis.of([3, 111], is_log=False)

    assert axis.ticks() == [0, 20, 40, 60, 80, 100, 120]
    assert axis.place(60) == 0.5


def test_a_logarithmic_axis_has_a_tick_for_each_power_of_ten() -> None:
    axis = Axis.of([2, 2000], is_log=True)

    assert axis.ticks() == [1, 10, 100, 1000]
    assert axis.place(axis.high) == 1
