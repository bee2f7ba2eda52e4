"""How numba compiles a kernel: the steps that it needs and no other.

The steps of numba serve all of Python. A kernel holds loops over arrays and scalars: no closure, no ``with``, no
branch that the types settle, no expression over whole arrays. Leaving those steps out, comparing the options of two
kernels by what was given and making no machine code of a kernel that only others call spare a fifth of the compilation
(``docs/decisions/0005-kernels-are-compiled-by-fewer-steps.md``). Everything here extends numba where it may be
extended: its compiler class, its lowering class, its library class; but for ``typed_once``, nothing of it is replaced.
"""

from __future__ import annotations

import operator
from typing import Any

import llvmlite.binding as llvm
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, Flags
from numba.core.compiler_machinery import PassManager
from numba.core.typed_passes import (
    NoPythonBackend,
    NoPythonSupportedFeatureValidation,
    NopythonTypeInference,
    PreLowerStripPhis,
)
from numba.core.types.functions import BaseFunction
from numba.core.untyped_passes import (
    FixupArgs,
    GenericRewrites,
    InlineInlinables,
    IRProcessing,
    ReconstructSSA,
    TranslateByteCode,
)

from insvigil.jit_lowering import KernelLowering

STEPS = (
    (TranslateByteCode, "read the bytecode"),
    (FixupArgs, "count the arguments"),
    (IRProcessing, "note where each variable lives"),
    (GenericRewrites, "make constants of constant indices"),
    (InlineInlinables, "put the words of inline kernels in place"),
    (ReconstructSSA, "give each value its own variable"),
    (NopythonTypeInference, "infer the types"),
    (PreLowerStripPhis, "join the values where branches meet"),
    (NoPythonSupportedFeatureValidation, "refuse what cannot be compiled"),
    (KernelLowering, "write the instructions"),
    (NoPythonBackend, "hand over the result"),
)


class KernelCompiler(CompilerBase):
    """The compiler of every kernel."""

    def __init__(
        self, typing: Any, target: Any, library: Any, args: Any, returned: Any, flags: Any, local: Any
    ) -> None:
        super().__init__(typing, target, library, args, returned, KernelFlags(flags), local)

    def define_pipelines(self) -> list[Any]:
        lives_in_callers = self.state.flags.no_cpython_wrapper
        library = (InnerLibrary if lives_in_callers else KernelLibrary)(
            self.state.targetctx.codegen(), self.state.func_id.func_qualname
        )
        library.enable_object_caching()
        self.state.library = library
        steps = PassManager("kernel")
        for step, purpose in STEPS:
            steps.add_pass(step, purpose)
        steps.finalize()
        return [steps]


typed_always: Any = BaseFunction.get_call_type


def typed_once(function: Any, context: Any, args: Any, kws: Any) -> Any:
    """Return the types of a call of numba's, remembered for the operators: ``get_call_type`` while kernels compile.

    What an operator makes of some types is always the same, and is asked nine times of ten again; each time some ten
    rules are tried until one fits. Remembering takes a seventh off a compilation.
    """
    if kws or function.typing_key not in _OPERATORS:
        return typed_always(function, context, args, kws)
    known = function.__dict__.setdefault("_known", {})
    if args not in known:
        known[args] = typed_always(function, context, args, kws)
    return known[args]


_OPERATORS = {bool, range, *(getattr(operator, name) for name in operator.__all__)}


class KernelFlags(Flags):
    """Options of a compilation, equal when the same ones were given.

    numba asks at each call that it types whether the options are those of before, and lists all forty of them for
    that, the ones that nobody gave too: it took 4 % of a compilation.
    """

    __slots__ = ()

    def __hash__(self) -> int:
        return hash(KernelFlags)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KernelFlags) and bool(self._values == other._values)


class KernelLibrary(JITCodeLibrary):
    """The instructions of a kernel, optimised once, when all that it calls is in place.

    numba optimises each function by itself before that: taking its variables out of memory is enough (7 % less).
    """

    def _optimize_functions(self, instructions: Any) -> None:
        instructions.data_layout = self._codegen._data_layout
        passes, builder = llvm.create_new_function_pass_manager(), self._codegen._pass_builder()
        passes.add_sroa_pass()
        for function in instructions.functions:
            if not function.is_declaration:
                passes.run(function, builder)


class InnerLibrary(KernelLibrary):
    """The instructions of a kernel that lives in its callers only: linked into theirs, never made machine code.

    They are only cleaned up, with what the kernel calls put in place: its callers are optimised whole. What the engine
    is given, and the disk keeps beside the instructions, is the one variable that numba fills in for each function.
    """

    def _optimize_final_module(self) -> None:
        passes, builder = self._codegen._module_pass_manager(
            loop_vectorize=False, slp_vectorize=False, opt=0, cost="cheap"
        )
        passes.run(self._final_module, builder)

    def _finalize_final_module(self) -> None:
        instructions = self._final_module
        variables = (line.name for line in instructions.global_variables if line.name.startswith("_ZN08NumbaEnv"))
        text = [str(self._codegen._create_empty_module(self.name))]
        text += [f'@"{name}" = common global i8* null' for name in variables]
        self._final_module = llvm.parse_assembly("\n".join(text))
        super()._finalize_final_module()
        self._final_module = instructions
