"""Read names, addresses and telephone numbers from cards as text, codes and vCards."""
