"""A gateway that sends hostile responses, end to end.

A render may fail, but nothing else happens: no exception leaves the dispatcher, no file is stored, memory
stays limited, the money is booked by the rules, and shoppers read only our own texts.
"""
