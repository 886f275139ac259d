"""Bodies and frames in the shapes that DFlow's API pages document. Made by hand: no recording of DFlow exists."""
