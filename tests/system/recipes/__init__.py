"""docs/recipes is true: each page is followed on a mosquitto with the shipped ACL, and what it promises happens.

Foreign programs are stood in for: each stand-in does with the page's own configuration what its program would, and sends the form
that comes of it. The pages say which programs were tried by hand.
"""
