"""What does a trained model lose without a group of its changes, and what does the group alone keep?"""
