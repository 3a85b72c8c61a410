"""The Webex REST API: devices, their lines and passwords, and the tokens that it takes (https://developer.webex.com)."""
