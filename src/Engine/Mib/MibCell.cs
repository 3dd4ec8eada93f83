namespace Faith.Engine.Mib;

/// <summary>A cell of the benchmark's table: a task with a model.</summary>
/// <param name="Task">The task.</param>
/// <param name="Model">The model.</param>
public sealed record MibCell(MibTask Task, MibModel Model)
{
    /// <summary>Its name, which is that of its folder in a submission: ioi_gpt2.</summary>
    public string Name => $"{Task.Name}_{Model.Name}";
}
