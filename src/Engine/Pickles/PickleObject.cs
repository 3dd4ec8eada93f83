namespace Faith.Engine.Pickles;

/// <summary>What Python would make by calling a class or function. Nothing is called: the arguments are kept as they stand in the file.</summary>
public sealed class PickleObject
{
    internal PickleObject(string callee, object?[] arguments) => (Callee, Arguments) = (callee, arguments);

    /// <summary>The class or function, module.name.</summary>
    public string Callee { get; }
    /// <summary>Its arguments.</summary>
    public IReadOnlyList<object?> Arguments { get; }
    /// <summary>The state that is set afterwards, mostly a dictionary of attributes; null when there is none.</summary>
    public object? State { get; internal set; }
}
