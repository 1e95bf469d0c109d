"""The room of mailing lists, their purposes and the words people agree to."""
