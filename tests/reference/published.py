"""Numbers that public code gives, and where more of them lie."""

from pathlib import Path

GOLDEN = Path(__file__).parents[3] / "shared" / "golden"

# AutoDL-Projects, TinyNetwork with 16 channels, 5 cells a stage, 10 classes, 32x32 pixels: cell -> (parameters,
# multiply-adds, whether input and output are connected, text of the class of equal cells)
NASBENCH201 = {
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|": (
        1531546,
        220119680,
        True,
        "(((0)@nor_conv_3x3)@nor_conv_3x3+(0)@nor_conv_3x3)@nor_conv_3x3+((0)@nor_conv_3x3)@nor_conv_3x3+(0)@nor_conv_3x3",
    ),
    "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|": (
        73306,
        7783040,
        True,
        "0+0+0+0",
    ),
    "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|": (
        73306,
        7783040,
        False,
        "#+#+#",
    ),
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|": (
        1073466,
        153272960,
        True,
        "(((0)@nor_conv_3x3)@nor_conv_3x3+(0)@nor_conv_3x3)@nor_conv_1x1+((0)@nor_conv_3x3)@nor_conv_3x3+0",
    ),
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|": (
        1073466,
        153272960,
        True,
        "(((0)@nor_conv_3x3)@nor_conv_3x3+(0)@nor_conv_3x3)@nor_conv_3x3+((0)@nor_conv_3x3)@nor_conv_1x1+0",
    ),
    "|nor_conv_1x1~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|": (
        858426,
        121815680,
        True,
        "(((0)@nor_conv_1x1)@nor_conv_3x3+(0)@nor_conv_1x1)@nor_conv_3x3+((0)@nor_conv_1x1)@nor_conv_3x3+0",
    ),
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|skip_connect~1|skip_connect~2|": (
        802426,
        113951360,
        True,
        "((0)@nor_conv_3x3)@nor_conv_3x3+(0)@nor_conv_3x3+(0)@nor_conv_3x3+0",
    ),
    "|skip_connect~0|+|none~0|nor_conv_3x3~1|+|avg_pool_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|": (
        802426,
        113951360,
        True,
        "(#+(0)@nor_conv_3x3)@nor_conv_3x3+(0)@avg_pool_3x3+(0)@nor_conv_3x3",
    ),
    "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|": (
        316346,
        43172480,
        True,
        "#+#+(0)@nor_conv_3x3",
    ),
    "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|nor_conv_3x3~2|": (
        559386,
        78561920,
        False,
        "#+#+(#+#)@nor_conv_3x3",
    ),
    "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|nor_conv_1x1~2|": (
        101306,
        11715200,
        True,
        "(0+0)@nor_conv_1x1+0+0",
    ),
    "|nor_conv_3x3~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|": (
        316346,
        43172480,
        True,
        "(0)@nor_conv_3x3+(0)@nor_conv_3x3+0+0",
    ),
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|skip_connect~1|skip_connect~2|": (
        1045466,
        149340800,
        True,
        "((0)@nor_conv_3x3)@nor_conv_3x3+(0)@nor_conv_3x3+(0)@nor_conv_3x3+(0)@nor_conv_3x3",
    ),
    "|nor_conv_1x1~0|+|none~0|none~1|+|none~0|none~1|none~2|": (
        101306,
        11715200,
        False,
        "#+#+#",
    ),
    "|nor_conv_1x1~0|+|nor_conv_1x1~0|none~1|+|none~0|none~1|none~2|": (
        129306,
        15647360,
        False,
        "#+#+#",
    ),
    "|none~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|none~0|nor_conv_1x1~1|nor_conv_1x1~2|": (
        400346,
        54968960,
        True,
        "#+#+(#+(0)@nor_conv_1x1)@nor_conv_1x1",
    ),
    "|nor_conv_3x3~0|+|avg_pool_3x3~0|nor_conv_1x1~1|+|nor_conv_3x3~0|nor_conv_3x3~1|avg_pool_3x3~2|": (
        830426,
        117883520,
        True,
        "(((0)@nor_conv_3x3)@nor_conv_1x1+(0)@avg_pool_3x3)@avg_pool_3x3+((0)@nor_conv_3x3)@nor_conv_3x3+(0)@nor_conv_3x3",
    ),
    "|avg_pool_3x3~0|+|nor_conv_3x3~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_3x3~1|none~2|": (
        559386,
        78561920,
        True,
        "#+((0)@avg_pool_3x3)@nor_conv_3x3+(0)@avg_pool_3x3",
    ),
    "|avg_pool_3x3~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|none~1|nor_conv_1x1~2|": (
        101306,
        11715200,
        True,
        "#+((0)@avg_pool_3x3+0)@nor_conv_1x1+0",
    ),
    "|none~0|+|skip_connect~0|avg_pool_3x3~1|+|nor_conv_1x1~0|skip_connect~1|nor_conv_3x3~2|": (
        344346,
        47104640,
        True,
        "#+(#+0)@nor_conv_3x3+(0)@nor_conv_1x1",
    ),
}
