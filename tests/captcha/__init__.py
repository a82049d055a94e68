"""The example shop with a CAPTCHA."""
