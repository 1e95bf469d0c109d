"""The room of saved rules: whom a campaign is for, beyond the consent that lets mail go at all."""
