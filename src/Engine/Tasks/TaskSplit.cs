namespace Faith.Engine.Tasks;

/// <summary>Which part of a task's prompts to draw from; no prompt, clean or corrupted, is in both.</summary>
public enum TaskSplit
{
    /// <summary>About four prompts in five: what the shipped model was trained on.</summary>
    Train,
    /// <summary>The others: what the shipped model never saw.</summary>
    HeldOut,
}
