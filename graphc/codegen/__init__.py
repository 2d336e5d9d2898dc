"""Code generation: a kernel of the schedule written as Python source, with the words it reads."""
