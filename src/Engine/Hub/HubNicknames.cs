namespace Faith.Engine.Hub;

/// <summary>Short names of repositories that people say without their owner.</summary>
internal static class HubNicknames
{
    private static readonly string[] Pythias = ["14m", "70m", "160m", "410m", "1b", "1.4b", "2.8b", "6.9b", "12b"];

    private static readonly (string Name, string Repository)[] Others =
    [
        ("gpt2", "openai-community/gpt2"), ("gpt2-medium", "openai-community/gpt2-medium"), ("gpt2-large", "openai-community/gpt2-large"), ("gpt2-xl", "openai-community/gpt2-xl"),
        ("distilgpt2", "distilbert/distilgpt2"),
        ("gpt-neo-125m", "EleutherAI/gpt-neo-125m"), ("gpt-j-6b", "EleutherAI/gpt-j-6b"),
        ("gemma-2b", "google/gemma-2b"), ("gemma-2-2b", "google/gemma-2-2b"), ("gemma-2-9b", "google/gemma-2-9b"), ("gemma-3-270m", "google/gemma-3-270m"), ("gemma-3-1b", "google/gemma-3-1b-pt"),
        ("llama-2-7b", "meta-llama/Llama-2-7b-hf"), ("llama-3.1-8b", "meta-llama/Llama-3.1-8B"), ("llama-3.2-1b", "meta-llama/Llama-3.2-1B"), ("llama-3.2-3b", "meta-llama/Llama-3.2-3B"),
        ("qwen2-0.5b", "Qwen/Qwen2-0.5B"), ("qwen2.5-0.5b", "Qwen/Qwen2.5-0.5B"), ("qwen2.5-1.5b", "Qwen/Qwen2.5-1.5B"), ("qwen2.5-3b", "Qwen/Qwen2.5-3B"), ("qwen2.5-7b", "Qwen/Qwen2.5-7B"),
        ("qwen3-0.6b", "Qwen/Qwen3-0.6B-Base"), ("qwen3-1.7b", "Qwen/Qwen3-1.7B-Base"),
        ("mistral-7b", "mistralai/Mistral-7B-v0.1"), ("olmo-1b", "allenai/OLMo-1B-hf"), ("olmo-2-1b", "allenai/OLMo-2-0425-1B"),
        ("phi-1.5", "microsoft/phi-1_5"), ("phi-2", "microsoft/phi-2"), ("smollm2-135m", "HuggingFaceTB/SmolLM2-135M"), ("stablelm-2-1.6b", "stabilityai/stablelm-2-1_6b"),
        ("opt-125m", "facebook/opt-125m"), ("starcoder2-3b", "bigcode/starcoder2-3b"),
    ];

    /// <summary>Repositories by short name.</summary>
    internal static IReadOnlyDictionary<string, string> All { get; } =
        Others.Concat(Pythias.SelectMany(size => ((string[])["", "-deduped"]).Select(kind => ($"pythia-{size}{kind}", $"EleutherAI/pythia-{size}{kind}")))).ToDictionary();
}
