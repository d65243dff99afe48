"""Boxes in layers."""

from __future__ import annotations

from itertools import combinations, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from ironworks.compiler.report.layout import lay_out


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[tuple[float, float]], list[tuple[int, int]]]:
    count = draw(st.integers(1, 12))
    size = st.tuples(st.sampled_from([40.0, 90.0, 200.0]), st.sampled_from([26.0, 41.0]))
    sizes = draw(st.lists(size, min_size=count, max_size=count))
    pairs = list(combinations(range(count), 2))
    edges = draw(st.lists(st.sampled_from(pairs), max_size=20)) if pairs else []
    return sizes, edges


@given(graphs())
@settings(deadline=None)
def test_boxes_do_not_overlap_and_lines_lead_down(graph) -> None:
    sizes, edges = graph
    layout = lay_out(sizes, edges)
    boxes = list(zip(layout.centers, sizes, strict=True))
    for ((x, y), (width, height)), ((other_x, other_y), (other_width, other_height)) in combinations(
        boxes, 2
    ):
        beside = abs(x - other_x) >= (width + other_width) / 2 - 1e-6
        assert beside or y + height <= other_y or other_y + other_height <= y
    for start, end in edges:
        assert layout.floors[start] < layout.centers[end][1]
    for (x, y), (width, height) in boxes:
        assert x - width / 2 >= -1e-6 and x + width / 2 <= layout.width + 1e-6
        assert y >= 0 and y + height <= layout.height


@given(graphs())
@settings(deadline=None)
def test_a_line_bends_once_in_each_layer_that_it_passes_and_meets_no_box(graph) -> None:
    sizes, edges = graph
    layout = lay_out(sizes, edges)
    for line in edges:
        tops = [layout.centers[line[0]][1], *(top for _, top, _ in layout.routes[line])]
        assert all(above < below for above, below in pairwise([*tops, layout.centers[line[1]][1]]))
        for x, top, floor in layout.routes[line]:
            for (center, y), (width, _) in zip(layout.centers, sizes, strict=True):
                assert not top <= y < floor or abs(center - x) > width / 2


def test_a_chain_beside_a_shortcut_is_straight() -> None:
    sizes = [(80.0, 26.0), (140.0, 41.0), (60.0, 26.0), (140.0, 41.0), (60.0, 26.0)]
    layout = lay_out(sizes, [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4)])
    assert len({round(layout.centers[box][0]) for box in (1, 2, 3)}) == 1
    bends = [x for x, _, _ in layout.routes[0, 4]]
    assert len(bends) == 3 and max(bends) - min(bends) < 1


def test_lines_are_not_crossed_without_need() -> None:
    layout = lay_out([(50.0, 20.0)] * 6, [(0, 4), (1, 3), (2, 5)])
    x = [center for center, _ in layout.centers]
    assert sorted(range(3), key=x.__getitem__) == [
        {4: 0, 3: 1, 5: 2}[box] for box in sorted((3, 4, 5), key=x.__getitem__)
    ]


def test_what_nothing_leads_to_stands_right_above_what_takes_it() -> None:
    layout = lay_out([(50.0, 20.0)] * 5, [(0, 1), (1, 2), (2, 4), (3, 4)])
    assert layout.centers[3][1] == layout.centers[2][1]


def test_nothing_takes_no_room() -> None:
    layout = lay_out([], [])
    assert (layout.width, layout.height) == (0, 0)
