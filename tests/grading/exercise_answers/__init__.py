"""Right and wrong answers to the exercises of the notebooks, a module for each; `test_exercises.py` gives them to the checks.

`RIGHT` lists answers for each exercise, written in several ways; `WRONG` gives for each plausible mistake a part of the hint that it
gets. `STUBS`, where there is one, lists what the notebook's cell holds before anything is answered; elsewhere that is a function
which returns nothing.
"""
