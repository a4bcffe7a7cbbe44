"""Rules the law asks for, one function per rule, each giving findings; numbers and papers come from `data/`."""
