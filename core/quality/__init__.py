"""Quality runs: the same questions about the same pictures, again and again, judged by rules."""
