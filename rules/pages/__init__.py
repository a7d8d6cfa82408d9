"""Pages about rules: the list, the editor, the test bench and what rules did."""
