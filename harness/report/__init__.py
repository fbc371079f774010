import os

# The user's settings of matplotlib (backend, fonts, TeX, sizes) must neither change a figure nor stop one: whoever
# draws here imports it after this.
os.environ.pop("MPLBACKEND", None)
os.environ["MATPLOTLIBRC"] = os.devnull
