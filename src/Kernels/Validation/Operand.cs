using System.Runtime.CompilerServices;

namespace Faith.Kernels.Validation;

/// <summary>A view that an operation is given.</summary>
/// <param name="Name">What the operation calls it.</param>
/// <param name="View">Where it stands; integers are a matrix of one row.</param>
/// <param name="Role">What is done with it.</param>
/// <param name="Floor">Of a result: differences count against its largest value, or against this where that is larger, because its terms may cancel; null: 0.</param>
internal readonly record struct Operand(string Name, Tensor View, OperandRole Role, Func<MirroredOperands, double>? Floor = null)
{
    /// <summary>A matrix that is read.</summary>
    public static Operand In(Tensor view, [CallerArgumentExpression(nameof(view))] string name = "") => new(name, view, OperandRole.Read);

    /// <summary>Integers that are read.</summary>
    public static Operand In(Indices view, [CallerArgumentExpression(nameof(view))] string name = "") =>
        new(name, new(view.Buffer, view.Offset, 1, view.Count, view.Count), OperandRole.Read);

    /// <summary>Matrices that are read.</summary>
    public static IEnumerable<Operand> In(IEnumerable<Tensor> views, [CallerArgumentExpression(nameof(views))] string name = "") =>
        views.Select(view => new Operand(name, view, OperandRole.Read));

    /// <summary>A matrix that is set or added to.</summary>
    public static Operand Out(Tensor view, Func<MirroredOperands, double>? floor = null, [CallerArgumentExpression(nameof(view))] string name = "") =>
        new(name, view, OperandRole.Written, floor);

    /// <summary>A matrix in which the operation leaves anything.</summary>
    public static Operand Scratch(Tensor view, [CallerArgumentExpression(nameof(view))] string name = "") => new(name, view, OperandRole.Scratch);
}
