"""How far did fine-tuning move each tensor?"""
