"""Genotypes as Python, numpy, torch, JSON, logs, pages and public repositories write them: all the same cells, or
refused."""

import collections
import json
import pprint
import re

import numpy as np
import pytest
import torch

from spaces.base import UserError
from spaces.parts.genotype import KEYS, Genotype, read_genotype

NORMAL = [("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 1),
          ("skip_connect", 0), ("skip_connect", 0), ("dil_conv_3x3", 2)]  # fmt: skip
REDUCE = [("max_pool_3x3", 0), ("max_pool_3x3", 1), ("skip_connect", 2), ("max_pool_3x3", 1), ("max_pool_3x3", 0),
          ("skip_connect", 2), ("skip_connect", 2), ("max_pool_3x3", 1)]  # fmt: skip
CONCAT = [2, 3, 4, 5]
V2 = Genotype(tuple(NORMAL), tuple(CONCAT), tuple(REDUCE), tuple(CONCAT))
PLAIN = str(collections.namedtuple("Genotype", KEYS)(NORMAL, CONCAT, REDUCE, CONCAT))
DATA = dict(zip(KEYS, (NORMAL, CONCAT, REDUCE, CONCAT)))


def cells(change, concat=CONCAT):
    """The genotype with its cells in another form."""
    return collections.namedtuple("Genotype", KEYS)(change(NORMAL), concat, change(REDUCE), concat)


def edges(change):
    return cells(lambda cell: [change(i, *edge) for i, edge in enumerate(cell)])


def nodes(cell, pair=tuple):
    return [pair(cell[i : i + 2]) for i in range(0, len(cell), 2)]


def pr_darts(i, name, source):
    kind, size = name.split("_")[0], int(name[-1]) if name[-1].isdigit() else 0
    settings = {"sep": {"c_mul": [1], "k": size, "dil": 1}, "dil": {"k": size, "c_mul": [], "dil": 2}}
    if kind in settings:
        return "conv", settings[kind], source
    return ("skip", {}, source) if kind == "skip" else ("pool", {"k": 3, "type_": kind}, source)


LONG = pprint.pformat(DATA, width=40)
READ = {
    "namedtuple": PLAIN,
    "json": json.dumps(DATA),
    "json indented": json.dumps(DATA, indent=2),
    "json sorted": json.dumps(DATA, sort_keys=True),
    "dict": str(DATA),
    "dict printed long": LONG,
    "OrderedDict": str(collections.OrderedDict(DATA)),
    "OrderedDict of pairs": f"OrderedDict({list(DATA.items())})",
    "dict()": f"dict(normal={NORMAL}, normal_concat={CONCAT}, reduce={REDUCE}, reduce_concat={CONCAT})",
    "namedtuple without names": f"Genotype({NORMAL}, {CONCAT}, {REDUCE}, {CONCAT})",
    "tuple": str(tuple(DATA.values())),
    "range": re.sub(r"\[2, 3, 4, 5\]", "range(2, 6)", PLAIN),
    "range of one step": re.sub(r"\[2, 3, 4, 5\]", "range(2, 6, 1)", PLAIN),
    "list(range)": re.sub(r"\[2, 3, 4, 5\]", "list(range(2, 6))", PLAIN),
    "range in code": re.sub(r"\[2, 3, 4, 5\]", "range(2+4-4, 4+2)", PLAIN),
    "range in a dict": re.sub(r"\[2, 3, 4, 5\]", "range(2, 6)", str(DATA)),
    "tuple of states": re.sub(r"\[2, 3, 4, 5\]", "(2, 3, 4, 5)", PLAIN),
    "array of states": re.sub(r"\[2, 3, 4, 5\]", "array([2, 3, 4, 5])", PLAIN),
    "array with a type": re.sub(r"\[2, 3, 4, 5\]", "np.array([2, 3, 4, 5], dtype=int64)", PLAIN),
    "states without commas": re.sub(r"\[2, 3, 4, 5\]", "[2 3 4 5]", PLAIN),
    "tensor of states": re.sub(r"\[2, 3, 4, 5\]", str(torch.tensor(CONCAT)), PLAIN),
    "numpy 2": str(edges(lambda i, name, source: (name, np.int64(source)))),
    "numpy texts": str(edges(lambda i, name, source: (np.str_(name), np.int32(source)))),
    "numpy, full name": PLAIN.replace("', 0)", "', numpy.int64(0))"),
    "numpy 1": PLAIN.replace("', 2)", "', int64(2))"),
    "tensors": str(edges(lambda i, name, source: (name, torch.tensor(source)))),
    "tensors of a GPU": re.sub(r"', (\d)\)", r"', tensor(\1, device='cuda:0'))", PLAIN),
    "tensors with a gradient": re.sub(r"', (\d)\)", r"', tensor(\1, grad_fn=<MaxBackward0>))", PLAIN),
    "arrays of no dimension": re.sub(r"', (\d)\)", r"', array(\1))", PLAIN),
    "assignment": f"DARTS_V2 = {PLAIN}",
    "assignment with a type": f"DARTS_V2: Genotype = {PLAIN}",
    "assignment with a class of a module": f"x = genotypes.{PLAIN}",
    "another class": PLAIN.replace("Genotype", "Structure"),
    "log line": f"2019-03-14 09:26:53,123 genotype = {PLAIN}",
    "log line with brackets": f"[03/14 09:26:53] INFO (train.py:12) genotype = {PLAIN}",
    "log line with a dict": f"03/14 09:26:53 AM genotype: {DATA}",
    "log line of an epoch": f"epoch 49 lr 1e-3 (best) {PLAIN} valid_acc 88.1",
    "colours of a terminal": f"\x1b[32mINFO\x1b[0m {PLAIN}\x1b[0m",
    "comment": PLAIN.replace("1), ", "1), # node\n ", 1),
    "comment with brackets": PLAIN.replace("1), ", "1), # (node 2\n ", 1),
    "comment of numbers": PLAIN.replace("1), ", "1), # 2\n 3\n ".replace("3\n", "\n"), 1),
    "comment first": f"# from the paper\n{PLAIN}",
    "comment last": f"{PLAIN}  # 97.24%",
    "trailing commas": PLAIN.replace(")]", "),]").replace("5]", "5,]").replace("])", "],)"),
    "line breaks": PLAIN.replace(", ", ",\n    "),
    "windows line ends": PLAIN.replace(", ", ",\r\n"),
    "tabs": PLAIN.replace(", ", ",\t"),
    "no spaces": PLAIN.replace(" ", ""),
    "spaces before brackets": PLAIN.replace("(", " ( ").replace("=", " = "),
    "around it": f"\n\n   {PLAIN}  \n",
    "double quotes": PLAIN.replace("'", '"'),
    "curly quotes": PLAIN.replace("'", "\u2019"),
    "curly quotes in pairs": re.sub(r"'(\w+)'", "\u2018\\1\u2019", PLAIN),
    "double curly quotes": re.sub(r"'(\w+)'", "\u201c\\1\u201d", PLAIN),
    "low quotes": re.sub(r"'(\w+)'", "\u201e\\1\u201c", PLAIN),
    "guillemets": re.sub(r"'(\w+)'", "\u00ab\\1\u00bb", PLAIN),
    "primes": PLAIN.replace("'", "\u2032"),
    "backticks": PLAIN.replace("'", "`"),
    "curly quotes in JSON": json.dumps(DATA).replace('"', "\u201d"),
    "non-breaking spaces": PLAIN.replace(" ", "\u00a0"),
    "narrow spaces": PLAIN.replace(" ", "\u202f"),
    "spaces without width": PLAIN.replace(", ", ",\u200b"),
    "a mark of byte order": f"\ufeff{PLAIN}",
    "full-width letters": PLAIN.replace("(", "\uff08").replace(")", "\uff09").replace(",", "\uff0c"),
    "soft breaks in names": PLAIN.replace("sep_conv", "sep_\u200bconv"),
    "escaped underscores": PLAIN.replace("_conv_", "\\_conv\\_").replace("_pool_", "\\_pool\\_"),
    "Python 2": re.sub(r"'(\w+)'", r"u'\1'", PLAIN),
    "bytes": re.sub(r"'(\w+)'", r"b'\1'", PLAIN),
    "names without quotes": PLAIN.replace("'", ""),
    "YAML on a line": str(DATA).replace("'", ""),
    "numbers as texts": re.sub(r"', (\d)\)", r"', '\1')", PLAIN),
    "in a text": json.dumps(PLAIN),
    "in a text of Python": repr(PLAIN),
    "JSON in a text": json.dumps(json.dumps(DATA)),
    "as describe prints it": json.dumps({"arch": json.dumps(DATA), "parameters": 3349342}),
    "in a record": json.dumps({"genotype": DATA}),
    "in a table of genotypes": f'MODELS = {{\n    "EA": "{PLAIN}",\n}}',
    "a line of a shell": f'python train.py --arch "{PLAIN}" --cutout',
    "pairs as lists": str(edges(lambda i, *edge: list(edge))),
    "pairs the other way round": str(edges(lambda i, name, source: (source, name))),
    "per node": str(cells(nodes)),
    "per node, in lists": str(cells(lambda cell: nodes(cell, list))),
    "per node, one cell": str(collections.namedtuple("Genotype", KEYS)(nodes(NORMAL, list), CONCAT, REDUCE, CONCAT)),
    "per node in JSON": json.dumps(cells(nodes)._asdict()),
    "AutoDL": str(cells(nodes)).replace("])", "], connectN=None, connects=None)"),
    "AutoDL with scores": str(cells(lambda cell: [tuple((*edge, 0.25) for edge in node) for node in nodes(cell)])),
    "AutoDL without scores": str(cells(lambda cell: [tuple((*edge, None) for edge in node) for node in nodes(cell)])),
    "scores": str(edges(lambda i, *edge: (*edge, 0.125))),
    "extra fields of nothing": PLAIN.replace("])", "], normal_bottleneck='', reduce_bottleneck='')"),
    "FairDARTS": str(edges(lambda i, name, source: (name, i // 2 + 2, source))),
    "PR-DARTS": str(edges(pr_darts)),
    "PR-DARTS in JSON": json.dumps(list(edges(pr_darts)), indent=2),
}


@pytest.mark.parametrize("form", READ)
def test_the_same_cells_in_every_form(form):
    assert read_genotype(READ[form]) == V2


def test_an_edge_that_fair_darts_leaves_out_is_none():
    """Its FairDARTS_b: nodes 3 and 5 of the normal cell have one edge each."""
    text = (
        "Genotype(normal=[('sep_conv_3x3', 2, 0), ('sep_conv_3x3', 2, 1), ('sep_conv_3x3', 3, 1), "
        " ('dil_conv_3x3', 4, 0), ('sep_conv_5x5', 4, 1), ('dil_conv_5x5', 5, 1)], normal_concat=range(2, 6),"
        " reduce=[('skip_connect', 2, 0), ('dil_conv_3x3', 2, 1), ('skip_connect', 3, 0), ('dil_conv_3x3', 3, 1),"
        " ('max_pool_3x3', 4, 0), ('sep_conv_3x3', 4, 1), ('skip_connect', 5, 2), ('max_pool_3x3', 5, 0)],"
        " reduce_concat=range(2, 6))"
    )
    read = read_genotype(text)
    assert read.normal[2:4] == (("sep_conv_3x3", 1), ("none", 0))
    assert read.normal[6:] == (("dil_conv_5x5", 1), ("none", 0))
    assert read.reduce[6:] == (("skip_connect", 2), ("max_pool_3x3", 0))


def every_edge(count, name="sep_conv_3x3"):
    return [(name, source) for node in range(count) for source in range(node + 2)]


def test_seven_nodes_are_no_list_of_all_edges_of_four():
    """The inputs are the same; the cell's output tells them apart."""
    text = f"Genotype(normal={every_edge(4)}, normal_concat=range(2, 9), reduce={REDUCE}, reduce_concat={CONCAT})"
    assert len(read_genotype(text).normal) == 14


BROKEN = PLAIN.replace("('skip_connect', 0), ('skip_connect', 0)", "('skip_connect', 0) ('skip_connect', 0)", 1)
REFUSED = {
    "all edges": (str(cells(lambda cell: every_edge(4))), "column 17, 'normal': all 14 edges of 4 nodes are listed"),
    "all edges of three nodes": (str(cells(lambda cell: every_edge(3), [2, 3, 4])), "all 9 edges of 3 nodes"),
    "all edges of five nodes": (str(cells(lambda cell: every_edge(5), [2, 3, 4, 5, 6])), "all 20 edges of 5 nodes"),
    "all edges in another order": (str(cells(lambda cell: every_edge(4)[1::-1] + every_edge(4)[2:])), "all 14 edges"),
    "all edges per node": (
        str(cells(lambda cell: [every_edge(4)[:2], every_edge(4)[2:5], every_edge(4)[5:9], every_edge(4)[9:]])),
        "'normal', node 3: 3 edges are listed, and a node adds two",
    ),
    "all edges of FairDARTS": (
        str(cells(lambda cell: [("none", node, source) for node in range(2, 6) for source in range(node)])),
        "'normal', node 3: 3 edges are listed",
    ),
    "a node without edges": (
        str(cells(lambda cell: [("none", 2, 0), ("none", 4, 0), ("none", 4, 1)])),
        "node 3: 0 edges are listed",
    ),
    "PR-DARTS' own operations": (
        PLAIN.replace("('sep_conv_3x3', 0)", "('conv', {'c_mul': [3], 'k': 3, 'dil': 1}, 0)", 1),
        "column 19, 'normal': no space here has PR-DARTS' operation",
    ),
    "a connection of AutoDL": (PLAIN.replace("])", "], connects=[1])"), 'unknown key "connects"'),
    "another operation": (PLAIN.replace("dil_conv_3x3", "nor_conv_1x1"), "'normal', pair 7: unknown operation \"nor_"),
    "a comma is missing": (BROKEN, f"column {BROKEN.index(') (') - 17}: "),
    "cut off": (PLAIN[:-1], "column 9: '(' is never closed"),
    "cut off in a log": (f"log {PLAIN[:-1]}", "column 13: '(' is never closed"),
    "cut off in a text": (PLAIN[:40], "column"),
    "two of them": (f"{PLAIN}\n{PLAIN}", "line 2, column 1: the text goes on"),
    "a call": ("Genotype(normal=__import__('os').getcwd())", "column 17"),
    "a comprehension": ("Genotype(normal=[i for i in range(3)])", "column 17: this is no text, number"),
    "an attribute": ("Genotype(normal=os.environ)", "column 17: this is no text, number"),
    "a power": ("Genotype(normal=9**9**9)", "column 17: this is no text, number"),
    "a long range": ("Genotype(normal=range(10**9))", "column"),
    "keys twice": ('{"normal": 1, "normal": 2}', 'the key "normal" is there twice'),
    "one cell": (f"Genotype(normal={NORMAL}, normal_concat={CONCAT})", "lacks the key 'reduce'"),
    "two cells without concat": (f"{NORMAL}, {REDUCE}", "column"),
    "numbers": ("[[0, 1], [2, 3]]", "is [[0, 1], [2, 3]], not an object"),
    "words": ("the best genotype", "column 1: there is no bracket"),
    "deep": ("[" * 100000, "column"),
    "minus": ("[" + "-" * 100000 + "1]", "column"),
    "long": ("{'normal': " + "1" * 5000 + "}", "column"),
    "an input that is not there": (
        PLAIN.replace("('dil_conv_3x3', 2)", "('dil_conv_3x3', 5)"),
        f"column {PLAIN.index(chr(39) + 'dil')}, 'normal', pair 7: input 5 does not exist there; inputs are 0 to 4",
    ),
    "on the second line": (
        PLAIN.replace(", ('skip_connect', 0)", ",\n('skip_conect', 0)", 1),
        "line 2, column 1, 'normal', pair 5: unknown operation \"skip_conect\" (did you mean skip_connect",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_genotype_of_a_space_is_refused_at_its_own_place(kind):
    text, says = REFUSED[kind]
    with pytest.raises(UserError) as caught:
        read_genotype(text)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 400 and "\n" not in str(caught.value)
