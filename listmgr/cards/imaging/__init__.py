"""Photos of cards: safe opening, detection, text recognition, barcodes, thumbnails."""
