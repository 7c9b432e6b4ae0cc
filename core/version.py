"""The version of the product, told by /health, `doctor` and the System page."""

VERSION = "0.1.0"
