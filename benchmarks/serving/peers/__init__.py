"""One model and one payload through Ironworks and through the servers that one would pick instead."""
