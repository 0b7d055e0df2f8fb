"""The core: decoding, folding, keeping, showing, and taking events over HTTP."""
