"""One module for each revision. What was released is never edited."""
