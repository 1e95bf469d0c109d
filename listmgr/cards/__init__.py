"""Business cards from files, codes, pictures and pasted text; a card never permits a campaign
mail.
"""
