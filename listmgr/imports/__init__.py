"""The room of files of people: read, looked through, taken in, and nobody raised by them."""
